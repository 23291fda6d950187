"""The keeper itself is killed: tasks live on, and the next service never starts a second copy."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from proctor.keeper.adopt import exit_status

from .service import Service, alive, counted, counter, read_pid, until


def ended_with(pidfd: int) -> int | None:
    """Wait for the end of a process that is no child of ours; its exit code, if it can be known."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(60_000)
    hung_up = select.poll()
    hung_up.register(pidfd, 0)
    assert hung_up.poll(60_000)
    status = exit_status(pidfd)
    return None if status is None else os.waitstatus_to_exitcode(status)


def test_the_manager_says_so_and_ends_with_70(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    before = service.wait_running("daemon")
    manager = os.pidfd_open(service.manager_pid())

    service.kill_keeper()

    code = ended_with(manager)
    os.close(manager)
    assert code in (70, None)
    service.wait_event("keeper_lost")
    assert service.processes() == before  # The task lives on.
    service.start()


def test_the_next_service_adopts_what_lives(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    service.must_post("count", counter(), type="daemon", replica=3)
    service.must_post("job", f"while [ ! -e {gate} ]; do sleep 0.01; done; echo done; exit 6")
    before = service.wait_running("count", 3) + service.wait_running("job")
    runs = service.query("SELECT count(*) FROM run")

    service.kill_keeper()
    service.wait()
    service.start()

    assert service.running("count") + service.running("job") == before
    assert sorted(service.processes_by_run().values())[:3] == [1] * 3
    assert service.query("SELECT count(*) FROM run") == runs
    counts = [counted(output) for output in service.output("count").values()]
    until(
        lambda: all(
            counted(output) > count
            for output, count in zip(service.output("count").values(), counts, strict=True)
        )
    )
    gate.touch()
    ((_, code, _, error),) = service.wait_ends("job")
    assert code == 6 or (code is None and error)  # Known where the kernel tells (6.15).
    until(lambda: service.output("job") == {"job:0": b"done\n"})

    assert service.delete("count").status == 200
    assert service.processes() == []


def test_what_died_meanwhile_is_started_again_or_is_over(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon", interval=0, replica=2)
    service.must_post("job", "sleep 1000")
    first, second = service.wait_running("daemon", 2)
    (job,) = service.wait_running("job")
    service.kill_keeper()
    service.wait()
    for pid in (first, job):
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not alive(pid))  # type: ignore[misc]

    service.start()

    after = until(lambda: p if len(p := service.running("daemon")) == 2 else None)
    assert after[1] == second
    assert after[0] != first
    assert sorted(service.processes()) == sorted(after)
    assert service.running("job") == []
    ((_, code, _, error),) = service.wait_ends("job")
    assert code is None  # Nobody knows, so nothing is invented.
    assert error
    assert len(service.query("SELECT 1 FROM run WHERE task = 'job'")) == 1


@pytest.mark.parametrize("child", ["sleep 1000", "setsid sleep 1000", "env -i setsid sleep 1000"])
def test_what_a_dead_run_left_is_gone_before_the_next(
    service: Service, tmp_path: Path, child: str
) -> None:
    file = tmp_path / "pid"
    service.must_post(
        "daemon", f"{child} & echo $! >{file}; wait", type="daemon", interval=0, stop_timeout=1
    )
    (leader,) = service.wait_running("daemon")
    orphan = until(lambda: read_pid(file))
    until(lambda: b"sleep" in Path(f"/proc/{orphan}/cmdline").read_bytes())
    service.kill_keeper()
    service.wait()
    os.kill(leader, signal.SIGKILL)
    until(lambda: not alive(leader))
    assert service.processes() == [orphan]

    service.start()

    until(lambda: service.running("daemon"))
    assert not alive(orphan)
    assert len(service.processes_by_run()) == 1


def test_keeper_and_manager_killed_at_once_lose_no_process(service: Service) -> None:
    service.must_post("count", counter(), type="daemon", replica=5)
    before = service.wait_running("count", 5)

    os.kill(service.keeper_pid, signal.SIGSTOP)
    service.kill_manager()
    service.kill_keeper()
    service.wait()
    service.start()

    assert service.running("count") == before
    assert sorted(service.processes_by_run().values()) == [1] * 5
    assert service.stop() == 0
    for replica in range(5):
        output = service.segments("count", replica)
        assert output.endswith(b"end\n")
        counted(output)


def test_a_crowd_is_adopted_and_stopped(service: Service) -> None:
    service.must_post("crowd", "exec sleep 1000", type="daemon", replica=300, interval=0)
    before = service.wait_running("crowd", 300)
    service.kill_keeper()
    service.wait()
    for pid in before[:50]:
        os.kill(pid, signal.SIGKILL)

    service.start()

    after = service.wait_running("crowd", 300)
    assert after[50:] == before[50:]
    assert set(service.processes_by_run().values()) == {1}
    assert service.delete("crowd").status == 200
    assert service.processes() == []


def test_a_stop_that_the_keepers_death_cut_off_is_completed(
    service: Service, tmp_path: Path
) -> None:
    asked, gate = tmp_path / "asked", tmp_path / "gate"
    service.must_post(
        "slow",
        f"trap 'touch {asked}; while [ ! -e {gate} ]; do sleep 0.01; done; exit 9' TERM;"
        " echo; while :; do sleep 0.02; done",
        type="daemon",
        stop_timeout=600,
    )
    until(lambda: service.output("slow")["slow:0"] == b"\n")
    assert service.delete("slow", "&wait=0").status == 200
    until(asked.exists)
    service.kill_keeper()
    service.wait()

    service.start()
    gate.touch()

    until(lambda: "slow" not in service.tasks())
    assert service.processes() == []


def test_a_manager_does_not_go_on_stopping_all_without_a_keeper(service: Service) -> None:
    deaf = "trap '' TERM; echo; while :; do sleep 0.05; done"
    service.must_post("deaf", deaf, type="daemon", stop_timeout=600)
    until(lambda: service.output("deaf")["deaf:0"] == b"\n")
    (pid,) = service.running("deaf")

    service.send(signal.SIGTERM)
    service.wait_event("stopping")
    service.kill_keeper()

    service.wait()  # Until the manager has ended as well.
    service.wait_event("keeper_lost")
    assert pid in service.processes()
    service.start()
    service.send(signal.SIGTERM)
    service.wait_event("stopping", 2)
    assert service.stop() == 0  # The second signal forces.
    assert service.processes() == []


def test_a_task_that_writes_when_nobody_is_there_gets_no_signal(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "written"
    code = (
        "import os,sys,time\n"
        "while not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.01)\n"
        "os.write(1, b'x' * 1000)\n"
        "open(sys.argv[1], 'w').write('1\\n')\n"
        "time.sleep(1000)\n"
    )
    service.must_post("writer", f'exec {sys.executable} -I -S -c "{code}" {file}', type="daemon")
    before = service.wait_running("writer")
    service.kill_keeper()
    service.wait()
    Path(f"{file}.go").touch()
    until(lambda: read_pid(file))

    service.start()

    assert service.running("writer") == before
    until(lambda: service.output("writer") == {"writer:0": b"x" * 1000})

"""Restart and stop: nothing of a task is left alive, however it tries."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from .service import Service, alive, read_pid, until

DAEMON = (
    "import os,sys,time\n"
    "if os.fork(): os._exit(0)\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    "open(sys.argv[1], 'w').write('%d\\n' % os.getpid())\n"
    "time.sleep(1000)\n"
)
FORKER = (
    "import os,sys,time\n"
    "open(sys.argv[1], 'w').write('%d\\n' % os.getpid())\n"
    "while True:\n"
    "    time.sleep(0.002)\n"
    "    if os.fork(): os._exit(0)\n"
    "    os.setsid()\n"
)


def test_restart_stops_first_and_starts_then(service: Service, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    service.must_post(
        "web",
        f"trap 'sleep 0.2; echo down >>{trace}; exit' TERM; echo up >>{trace};"
        " while :; do sleep 0.05; done",
        type="daemon",
    )
    until(lambda: trace.exists())
    (before,) = service.wait_running("web")

    assert service.put("web").status == 200

    until(lambda: trace.read_text().split() == ["up", "down", "up"])
    (after,) = service.wait_running("web")
    assert after != before
    assert not alive(before)


def test_restart_of_what_is_over_runs_it_again(service: Service) -> None:
    service.must_post("job", "exit 2")
    service.wait_ends("job")

    assert service.put("job").status == 200

    assert service.wait_ends("job", 2) == [(0, 2, None, None)] * 2


def test_what_does_not_exist_can_be_neither_stopped_nor_restarted(shared: Service) -> None:
    for answer in (shared.put("ghost"), shared.delete("ghost")):
        assert answer.status == answer.body["code"] == 404
        assert "ghost" in answer.body["msg"]
    assert shared.request("DELETE", "/proc").status == 400
    assert shared.request("PUT", "/proc").status == 400


def test_stop_sends_sigterm_and_waits_for_the_end(service: Service, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    service.must_post(
        "polite",
        f"trap 'sleep 0.3; echo bye >{trace}; exit' TERM; echo; while :; do sleep 0.05; done",
        type="daemon",
        replica=2,
    )
    until(lambda: set(service.output("polite").values()) == {b"\n"})

    assert service.delete("polite").status == 200

    assert trace.read_text() == "bye\n"
    assert service.get() == {"running": [], "tasks": {}}
    assert service.processes() == []


def test_stop_without_waiting_answers_before_the_end(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    service.must_post(
        "slow",
        f"trap 'while [ ! -e {gate} ]; do sleep 0.02; done; exit' TERM; echo;"
        " while :; do sleep 0.05; done",
        stop_timeout=600,
    )
    until(lambda: service.output("slow")["slow:0"] == b"\n")

    assert service.delete("slow", "&wait=0").status == 200
    assert len(service.running("slow")) == 1
    assert service.post("slow", "true").status == 409

    gate.touch()
    until(lambda: "slow" not in service.tasks())


@pytest.mark.parametrize(
    "cmd",
    [
        "sleep 1000 & echo $! >{pid}; wait",
        "setsid sleep 1000 & echo $! >{pid}; wait",
        "setsid sh -c 'echo $$ >{pid}; exec sleep 1000' & exec sleep 1000",
        "(setsid sh -c 'trap \"\" TERM; echo $$ >{pid}; while :; do sleep 1; done' &); sleep 1000",
        '{python} -I -S -c "{daemon}" {pid}; exec sleep 1000',
        'env -i {python} -I -S -c "{daemon}" {pid}; exec sleep 1000',
        "trap '' TERM; echo $$ >{pid}; while :; do sleep 1; done",
        "nohup sleep 1000 >/dev/null 2>&1 & echo $! >{pid}; wait",
        "sh -c 'kill -STOP $$' & echo $! >{pid}; wait",
        "echo $$ >{pid}; kill -STOP $$",
        '{python} -I -S -c "{forker}" {pid}; exec sleep 1000',
    ],
    ids=[
        "background",
        "setsid",
        "setsid-shell",
        "setsid-term-ignorer",
        "double-fork",
        "double-fork-env-i",
        "term-ignorer",
        "nohup",
        "stopped-child",
        "stopped",
        "re-forker",
    ],
)
def test_after_a_stop_nothing_is_left_of(service: Service, tmp_path: Path, cmd: str) -> None:
    file = tmp_path / "pid"
    cmd = cmd.format(pid=file, python=sys.executable, daemon=DAEMON, forker=FORKER)
    service.must_post("orphans", cmd, stop_timeout=1)
    pid = until(lambda: read_pid(file))
    assert service.processes()

    assert service.delete("orphans").status == 200

    assert service.processes() == []
    assert not alive(pid)
    assert service.get() == {"running": [], "tasks": {}}


def test_what_a_run_leaves_behind_is_gone_before_the_next(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    service.must_post(
        "leaver", f"setsid sleep 1000 & echo $! >>{file}; exit 5", type="daemon", interval=0.02
    )

    service.wait_ends("leaver", 3)
    assert service.delete("leaver").status == 200

    assert len(file.read_text().split()) >= 3
    assert service.processes() == []
    assert {end[1] for end in service.ends("leaver")} == {5}


def test_stop_reaches_a_daemon_that_pauses_between_two_runs(service: Service) -> None:
    service.must_post("pausing", "exit 1", type="daemon", interval=1000)
    service.wait_ends("pausing")

    assert service.delete("pausing").status == 200

    assert service.get() == {"running": [], "tasks": {}}


def test_the_stop_signal_is_the_tasks_choice(service: Service) -> None:
    service.must_post("usr", "exec sleep 1000", stop_signal="USR1")
    service.wait_running("usr")

    assert service.delete("usr").status == 200

    assert service.ends("usr") == [(0, None, signal.SIGUSR1, None)]


def test_a_spawn_that_fails_says_what_was_tried(service: Service) -> None:
    service.must_post("lost", "true", cwd="/no/such/directory")

    ((_, code, number, error),) = service.wait_ends("lost")
    assert (code, number) == (None, None)
    assert "/no/such/directory" in error
    assert os.strerror(2) in error

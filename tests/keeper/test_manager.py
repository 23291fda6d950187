from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proctor.keeper import command
from proctor.keeper.manager import died_quickly, restart_delay
from proctor.keeper.protocol import VERSION

from .harness import BASE, DEADLINE, KeeperProcess, Talk, marked, order, running, wait_for


def kill_manager(talk: Talk) -> None:
    os.kill(talk.bridge, signal.SIGKILL)
    talk.close()


def lines(keeper: KeeperProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in keeper.log.read_text().splitlines() if line[:1] == "{"]


def test_a_killed_manager_costs_no_process_no_status_and_no_byte(
    keeper: KeeperProcess, talk: Talk
) -> None:
    """Ten runs write known bytes and exit while managers come and go."""
    runs = range(1, 11)
    code = "import sys, time\nfor i in range(200):\n print(i, flush=True); time.sleep(0.003)\n"
    pids = {}
    for run in runs:
        pids[run] = talk.spawn(run, sys.executable, "-S", "-c", f"{code}sys.exit({run})")
    output = dict.fromkeys(runs, b"")
    ends: dict[int, int] = {}
    dice = random.Random(1)

    while len(ends) < len(runs):
        end = time.monotonic() + dice.uniform(0.01, 0.1)
        while time.monotonic() < end:
            talk.listen()
            for run, fd in talk.output.items():
                os.set_blocking(fd, False)
                try:
                    output[run] += os.read(fd, 100)
                except BlockingIOError:
                    pass
        kill_manager(talk)
        talk = keeper.manager()
        talk.hello()
        told = {f["run"]: f["pid"] for f in talk.heard if f["op"] == "run"}
        assert told == pids
        ends = {f["run"]: f["status"] for f in talk.heard if f["op"] == "exited"}

    for run in runs:
        whole = output[run] + talk.read(run)
        assert whole == b"".join(b"%d\n" % i for i in range(200))
        assert os.waitstatus_to_exitcode(ends[run]) == run
    talk.say("ack", runs=list(runs))
    talk.heard.clear()
    talk.hello()
    assert [f["op"] for f in talk.heard] == ["ready"]


def test_what_a_manager_ordered_with_its_last_breath_is_done(
    keeper: KeeperProcess, talk: Talk
) -> None:
    for run in range(1, 21):
        talk.say("spawn", **order(run, "/bin/sh", "-c", "exit 3"))
    kill_manager(talk)

    talk = keeper.manager()
    talk.hello()

    for run in range(1, 21):
        assert os.waitstatus_to_exitcode(talk.wait("exited", run)["status"]) == 3


def test_a_failed_spawn_is_told_until_it_is_acknowledged(keeper: KeeperProcess, talk: Talk) -> None:
    talk.say("spawn", **order(1, "/nope"))
    talk.wait("failed", 1)
    kill_manager(talk)

    talk = keeper.manager()
    talk.hello()

    assert [f["op"] for f in talk.heard] == ["failed", "ready"]


def test_a_killed_manager_is_replaced_at_once_again_and_again(
    keeper: KeeperProcess, talk: Talk
) -> None:
    for generation in range(2, 8):
        kill_manager(talk)
        talk = keeper.manager()
        assert talk.hello()["generation"] == generation
    waits = [line["restart_in"] for line in lines(keeper) if line["event"] == "manager died"]
    assert waits == [0.0] * 6


def test_managers_that_die_at_once_are_started_ever_later() -> None:
    assert [restart_delay(n) for n in range(10)] == [0, 0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    killed, segfault, failed = int(signal.SIGKILL), int(signal.SIGSEGV), 1 << 8
    assert died_quickly(failed, greeted=False, lived=0.1)
    assert died_quickly(killed, greeted=False, lived=0.1)
    assert died_quickly(segfault, greeted=True, lived=0.1)
    assert not died_quickly(killed, greeted=True, lived=0.1)
    assert not died_quickly(failed, greeted=True, lived=2.0)


@pytest.mark.parametrize(
    ("manager", "status"),
    [
        (["/bin/sh", "-c", "exit 2"], 2),
        (["/bin/sh", "-c", "exit 7"], 7),
        (["/nope/manager"], 2),
    ],
)
def test_a_first_manager_that_cannot_start_ends_the_service(
    manager: list[str], status: int
) -> None:
    done = subprocess.run(command(manager), capture_output=True, timeout=DEADLINE)
    assert done.returncode == status


def test_the_keeper_ends_as_its_manager_says(keeper: KeeperProcess, talk: Talk) -> None:
    talk.say("exit", status=5)
    assert keeper.process.poll() is None
    kill_manager(talk)
    assert keeper.process.wait(DEADLINE) == 5


def test_an_exit_with_something_alive_kills_it_first(keeper: KeeperProcess, talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "trap '' TERM; (setsid sleep 600 &); sleep 600")
    talk.say("exit", status=0)
    kill_manager(talk)
    assert keeper.process.wait(DEADLINE) == 0
    assert marked(BASE | 1) == []


@pytest.mark.slow
def test_a_manager_that_does_not_go_is_killed(keeper: KeeperProcess, talk: Talk) -> None:
    talk.say("exit", status=0)
    assert keeper.process.wait(DEADLINE) == 0


def test_stop_is_passed_on_then_forced_then_done_without_the_manager(
    keeper: KeeperProcess, talk: Talk
) -> None:
    talk.spawn(1, "/bin/sh", "-c", "trap '' TERM; sleep 600")
    keeper.process.send_signal(signal.SIGTERM)
    assert not talk.wait("stop")["force"]
    talk.heard.clear()
    keeper.process.send_signal(signal.SIGINT)
    assert talk.wait("stop")["force"]
    assert marked(BASE | 1)
    keeper.process.send_signal(signal.SIGTERM)
    assert keeper.process.wait(DEADLINE) == 1
    assert marked(BASE | 1) == []


def test_a_new_manager_hears_that_a_stop_is_wanted(keeper: KeeperProcess, talk: Talk) -> None:
    keeper.process.send_signal(signal.SIGTERM)
    talk.wait("stop")
    kill_manager(talk)
    talk = keeper.manager()
    talk.hello()
    assert not talk.wait("stop")["force"]


def test_a_stop_between_two_managers_kills_nothing(keeper: KeeperProcess, talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "sleep 600")
    for _ in range(6):
        kill_manager(talk)
        talk = keeper.manager()
    kill_manager(talk)
    wait = restart_delay(6)
    wait_for("the pause", lambda: wait in [line.get("restart_in") for line in lines(keeper)])

    keeper.process.send_signal(signal.SIGTERM)

    talk = keeper.manager()
    talk.hello()
    assert not talk.wait("stop")["force"]
    assert marked(BASE | 1)


def test_managers_that_never_greet_cannot_put_a_stop_off_for_ever(
    keeper: KeeperProcess, talk: Talk
) -> None:
    talk.spawn(1, "/bin/sh", "-c", "sleep 600")
    keeper.process.send_signal(signal.SIGTERM)
    talk.wait("stop")
    for _ in range(2):
        kill_manager(talk)
        talk = keeper.manager()
    kill_manager(talk)

    assert keeper.process.wait(DEADLINE) == 1
    assert marked(BASE | 1) == []


def test_ctrl_c_in_the_terminal_reaches_the_keeper_alone(talk: Talk) -> None:
    assert os.getsid(talk.bridge) == talk.bridge


def test_descriptors_are_held_for_the_next_manager(keeper: KeeperProcess, talk: Talk) -> None:
    out, end = os.pipe()
    dropped, _ = socket.socketpair()
    talk.say("keep", (out,), name="pipe")
    talk.say("keep", (dropped.fileno(),), name="socket")
    talk.say("drop", name="socket")
    os.close(out)
    dropped.close()
    _.close()
    kill_manager(talk)

    talk = keeper.manager()
    talk.hello()

    assert list(talk.kept) == ["pipe"]
    os.write(end, b"x")
    os.close(end)
    assert os.read(talk.kept["pipe"], 10) == b"x"


def test_a_manager_that_talks_rubbish_is_replaced(keeper: KeeperProcess, talk: Talk) -> None:
    pid = talk.spawn(1, "sleep", "600")
    talk.link.sock.send(b"\0\0\0\5rubbish")
    talk = keeper.manager()
    talk.hello()
    assert talk.wait("run", 1)["pid"] == pid


def test_a_manager_that_does_not_listen_holds_nothing_up(keeper: KeeperProcess, talk: Talk) -> None:
    """Its news waits until it listens, or for its successor."""
    runs = range(1, 401)
    for run in runs:
        talk.link.send({"op": "spawn", **order(run, "true")})
    while not talk.link.flush():
        time.sleep(0.001)  # It sends but never receives: the keeper's socket is full soon.
    me = keeper.process.pid
    wait_for("no child but the manager", lambda: _children(me) == [talk.bridge])
    talk.listen()
    for run in runs:
        talk.wait("exited", run)


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# Reload


def reload(keeper: KeeperProcess, talk: Talk) -> Talk:
    talk.say("reload")
    kill_manager(talk)
    return keeper.manager()


def test_a_reload_keeps_processes_statuses_output_and_descriptors(
    keeper: KeeperProcess, talk: Talk
) -> None:
    out, end = os.pipe()
    talk.say("keep", (out,), name="pipe")
    os.close(out)
    lives = talk.spawn(1, "/bin/sh", "-c", "echo one; read x; echo two; exec sleep 600")
    talk.spawn(2, "/bin/sh", "-c", "echo output; exit 7")
    talk.spawn(3, "/bin/sh", "-c", "setsid sleep 600 &")
    talk.spawn(4, "/bin/sh", "-c", "sleep 0.2; exit 4")
    talk.wait("exited", 2)
    assert talk.wait("exited", 3)["left"]

    talk = reload(keeper, talk)
    ready = talk.hello()

    assert (ready["pid"], ready["generation"]) == (keeper.process.pid, 2)
    assert talk.wait("run", 1)["pid"] == lives
    assert os.waitstatus_to_exitcode(talk.wait("exited", 2)["status"]) == 7
    assert talk.read(2) == b"output\n"
    assert os.waitstatus_to_exitcode(talk.wait("exited", 4)["status"]) == 4
    os.write(end, b"x")
    os.close(end)
    assert os.read(talk.kept["pipe"], 10) == b"x"
    talk.say("kill", run=3)
    talk.wait("gone", 3)
    assert marked(BASE | 3) == []
    listing = talk.shell(5, "ls /proc/self/fd")
    assert listing.split() == ["0", "1", "2", "3"]
    talk.say("signal", run=1, signal=int(signal.SIGTERM))
    assert os.WTERMSIG(talk.wait("exited", 1)["status"]) == signal.SIGTERM
    assert talk.read(1) == b"one\ntwo\n"


def test_a_kill_under_way_goes_on_after_a_reload(keeper: KeeperProcess, talk: Talk) -> None:
    for run in range(1, 6):
        talk.spawn(
            run, "/bin/sh", "-c", "(setsid sleep 600 &) ; (env -i setsid sleep 600 &) ; wait"
        )
    for run in range(1, 6):
        talk.say("kill", run=run)
    talk = reload(keeper, talk)
    talk.hello()
    for run in range(1, 6):
        if talk.wait("exited", run)["left"]:
            talk.wait("gone", run)
        assert marked(BASE | run) == []


def test_a_hang_up_reloads(keeper: KeeperProcess, talk: Talk) -> None:
    pid = talk.spawn(1, "sleep", "600")
    keeper.process.send_signal(signal.SIGHUP)
    talk = keeper.manager()
    assert talk.hello()["generation"] == 2
    assert talk.wait("run", 1)["pid"] == pid
    assert "reload" in [line["event"] for line in lines(keeper)]


def test_a_manager_of_another_version_gets_a_new_keeper(keeper: KeeperProcess, talk: Talk) -> None:
    pid = talk.spawn(1, "sleep", "600")
    talk.say("hello", version=VERSION + 1)
    talk = keeper.manager()
    talk.hello()
    assert talk.wait("run", 1)["pid"] == pid


# PID 1

_unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
if os.geteuid() != 0:
    _unshare.insert(1, "--map-root-user")


@pytest.mark.skipif(
    subprocess.run([*_unshare, "true"], capture_output=True).returncode != 0,
    reason="no PID namespace may be made here",
)
def test_as_pid_1_it_reaps_strangers_and_ends_in_order(tmp_path: Path) -> None:
    with running(tmp_path, *_unshare) as keeper:
        talk = keeper.manager()
        assert talk.hello()["pid"] == 1
        talk.spawn(1, "/bin/sh", "-c", "for i in 1 2 3; do (env -i setsid sleep 0.05 &); done")
        end = talk.wait("exited", 1)
        if end["left"]:
            talk.wait("gone", 1)
        left = talk.shell(2, "ps -eo pid,stat,comm | grep -c -E 'Z|sleep'")
        assert left.strip() == "0"
        inner = int(_children(keeper.process.pid)[0])
        os.kill(inner, signal.SIGTERM)
        talk.wait("stop")
        talk.say("exit", status=3)
        os.kill(_children(inner)[0], signal.SIGKILL)  # The manager, as it is called out here.
        assert keeper.process.wait(DEADLINE) == 3

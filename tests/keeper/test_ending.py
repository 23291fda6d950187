from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from proctor.keeper import tree

from .harness import BASE, DEADLINE, Talk, marked, wait_for

DAEMON = "(setsid sh -c 'trap \"\" TERM; sleep 600 & wait; sleep 600' &) ; "
SHAPES = {
    "one process": "exec sleep 600",
    "a child in the background": "sleep 600 & sleep 600",
    "a child with its own session": "setsid sleep 600 & sleep 600",
    "a daemon, twice forked": "(setsid sleep 600 &) ; sleep 600",
    "a daemon without environment": "(env -i setsid sleep 600 &) ; sleep 600",
    "deaf to TERM": "trap '' TERM; sleep 600 & sleep 600",
    "a deaf daemon": f"{DAEMON} sleep 600",
    "nohup": "nohup sleep 600 & sleep 600",
    "stopped": "sleep 600 & kill -STOP $! $$; sleep 600",
    "a pipeline": "yes | cat | (setsid cat >/dev/null &) ; sleep 600",
    "a tree": "for i in 1 2 3; do (for j in 1 2 3; do sleep 600 & done; wait) & done; wait",
}
ESCAPED = "(setsid sh -c 'trap \"echo got it; exit\" TERM; sleep 600 & wait' &) ; "


def gone(talk: Talk, run: int) -> None:
    """Wait until the keeper says that nothing is left, and see that it is true."""
    end = talk.wait("exited", run)
    if end["left"]:
        talk.wait("gone", run)
    assert marked(BASE | run) == []


def read_line(talk: Talk, run: int) -> bytes:
    return wait_for("a line", lambda: _line(talk.output[run]))


def _line(fd: int) -> bytes:
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("script", SHAPES.values(), ids=SHAPES.keys())
def test_kill_leaves_nothing_alive(talk: Talk, script: str) -> None:
    talk.spawn(1, "/bin/sh", "-c", f"echo up; {script}")
    read_line(talk, 1)
    least = 10 if "for i" in script else 1
    wait_for("the processes", lambda: len(marked(BASE | 1)) >= least)

    talk.say("kill", run=1)

    gone(talk, 1)
    assert os.WTERMSIG(talk.wait("exited", 1)["status"]) == signal.SIGKILL


def test_a_daemon_that_changes_its_mark_and_environment_is_still_its_runs(talk: Talk) -> None:
    """Then only its parent links, or its session, say whose it is."""
    code = (
        "import os, resource, time\n"
        "resource.setrlimit(10, (5, 5))\n"
        "if os.fork() == 0: print('up', flush=True); time.sleep(600)\n"
        "time.sleep(600)"
    )
    script = f'env -i {sys.executable} -c "{code}" & sleep 600'
    talk.spawn(1, "/bin/sh", "-c", script)
    read_line(talk, 1)
    strays = [p for p in tree.descendants([talk.wait("spawned", 1)["pid"]]) if alive(p)]
    assert len(strays) >= 4

    talk.say("kill", run=1)

    gone(talk, 1)
    assert not [p for p in strays if alive(p)]


def alive(pid: int) -> bool:
    stat = tree.stat(pid)
    return stat is not None and stat[0] not in "ZX"


HOPPER = """
import os, sys, time
path, hop, doublings, end = sys.argv[1], *map(float, sys.argv[2:])
beat = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for _ in range(int(doublings)):
    os.fork()
while time.time() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
    os.write(beat, b'x')
    time.sleep(hop)
"""


@pytest.mark.parametrize(("hop", "doublings"), [(0.002, 0), (0.0002, 0), (0.02, 3)])
def test_processes_that_fork_away_all_the_time_are_caught(
    talk: Talk, tmp_path: Path, hop: float, doublings: int
) -> None:
    beat = tmp_path / "beat"
    # They end by themselves, late: a fault here must not leave a fork bomb behind.
    rest = (str(beat), str(hop), str(doublings), str(time.time() + 2 * DEADLINE))
    talk.spawn(1, sys.executable, "-S", "-c", HOPPER, *rest)
    wait_for("hops", lambda: beat.exists() and beat.stat().st_size > 40)

    talk.say("kill", run=1)

    gone(talk, 1)
    size = beat.stat().st_size
    time.sleep(0.1)  # There is nothing to wait for: it must not go on.
    assert beat.stat().st_size == size


def sleepers(run: int) -> int:
    """Return how many have become `sleep`: a shell's child that has not loses a signal."""
    comms = [Path(f"/proc/{pid}/comm") for pid in marked(BASE | run)]
    return [c.read_text() for c in comms if c.exists()].count("sleep\n")


def test_a_signal_reaches_what_escaped_the_session(talk: Talk) -> None:
    own = "trap 'echo me too; exit 3' TERM; sleep 600 & wait"
    talk.spawn(1, "/bin/sh", "-c", f"{ESCAPED} {own}")
    wait_for("both", lambda: sleepers(1) == 2)

    talk.say("signal", run=1, signal=int(signal.SIGTERM))

    gone(talk, 1)
    assert sorted(talk.read(1).split(b"\n")) == [b"", b"got it", b"me too"]


def test_what_escaped_is_signalled_even_if_the_leader_ends_at_once(talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", f"{ESCAPED} exec sleep 600")
    wait_for("both", lambda: sleepers(1) == 2)

    talk.say("signal", run=1, signal=int(signal.SIGTERM))

    gone(talk, 1)
    assert talk.read(1) == b"got it\n"


def test_a_stopped_process_is_woken_to_end(talk: Talk) -> None:
    pid = talk.spawn(1, "sleep", "600")
    os.kill(pid, signal.SIGSTOP)
    wait_for("the stop", lambda: (tree.stat(pid) or "-")[0] == "T")

    talk.say("signal", run=1, signal=int(signal.SIGTERM))

    assert os.WTERMSIG(talk.wait("exited", 1)["status"]) == signal.SIGTERM


def test_a_stop_signal_leaves_it_stopped(talk: Talk) -> None:
    pid = talk.spawn(1, "sleep", "600")
    talk.say("signal", run=1, signal=int(signal.SIGSTOP))
    wait_for("the stop", lambda: (tree.stat(pid) or "-")[0] == "T")
    talk.say("signal", run=1, signal=int(signal.SIGCONT))
    wait_for("going on", lambda: (tree.stat(pid) or "-")[0] == "S")


def test_what_is_left_is_told_and_so_is_its_end(talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "setsid sleep 600 & echo $!")
    child = int(read_line(talk, 1))

    assert talk.wait("exited", 1)["left"]
    assert not [f for f in talk.heard if f["op"] == "gone"]
    os.kill(child, signal.SIGKILL)

    talk.wait("gone", 1)


def test_nothing_is_left_of_a_run_whose_children_ended_with_it(talk: Talk) -> None:
    for run in range(1, 30):
        talk.spawn(run, "/bin/sh", "-c", "true & sleep 0.0$((RANDOM % 3)) & wait")
    assert not [run for run in range(1, 30) if talk.wait("exited", run)["left"]]


def test_many_end_at_once_and_each_is_told_once(talk: Talk) -> None:
    runs = range(1, 201)
    for run in runs:
        talk.spawn(run, "sleep", "600")

    for run in runs:
        talk.say("signal", run=run, signal=int(signal.SIGTERM))

    for run in runs:
        assert os.WTERMSIG(talk.wait("exited", run)["status"]) == signal.SIGTERM
    ends = [f["run"] for f in talk.heard if f["op"] == "exited"]
    assert sorted(ends) == list(runs)


def test_killing_what_is_gone_or_unknown_says_gone(talk: Talk) -> None:
    talk.run(1, "true")
    for run in (1, 99):
        talk.say("kill", run=run)
        talk.wait("gone", run)


def test_a_stranger_is_nobodys_leftover(talk: Talk) -> None:
    """A process of another run that became our child must not count for this one."""
    talk.spawn(1, "/bin/sh", "-c", "(setsid sleep 600 &) ; exec sleep 600")
    wait_for("the daemon", lambda: len(marked(BASE | 1)) == 2)
    talk.run(2, "true")
    assert not talk.wait("exited", 2)["left"]


def test_acknowledged_leftovers_are_told_to_be_gone_and_forgotten(talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "setsid sleep 600 &")
    assert talk.wait("exited", 1)["left"]
    talk.say("ack", runs=[1])
    talk.say("kill", run=1)
    talk.wait("gone", 1)
    talk.heard.clear()
    talk.hello()
    assert [f["op"] for f in talk.heard] == ["ready"]


# What `su -` takes away: limits, environment, session, and the parent when it ends.
LOGIN = "(prlimit --locks=unlimited env -i setsid sh -c 'echo $$; exec sleep 600' &)"


@pytest.mark.parametrize("leader", ["sleep 600", "exit"])
def test_what_a_login_has_started_is_found_too(talk: Talk, leader: str) -> None:
    talk.spawn(1, "/bin/sh", "-c", f"{LOGIN}; {leader}")
    pid = int(read_line(talk, 1))
    assert tree.mark_of(pid) is None
    ended = talk.wait("exited", 1) if leader == "exit" else None
    assert ended is None or ended["left"]

    talk.say("kill", run=1)

    if (ended or talk.wait("exited", 1))["left"]:
        talk.wait("gone", 1)
    assert tree.stat(pid) is None

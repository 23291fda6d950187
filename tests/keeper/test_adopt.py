"""A second keeper takes over what a killed one left."""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.keeper import tree

from .harness import BASE, KeeperProcess, Talk, marked, order, running, wait_for

FIRST_THREAD_ENDS = f"""
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).syscall({93 if platform.machine() == "aarch64" else 60}, 0)  # SYS_exit
"""


@pytest.fixture
def left(tmp_path: Path) -> Iterator[dict[int, tuple[int, int]]]:
    """(pid, start) of the runs of a keeper that was killed."""
    (tmp_path / "first").mkdir()
    known = {}
    with running(tmp_path / "first") as first:
        talk = first.manager()
        talk.hello()
        for run, script in SCRIPTS.items():
            talk.spawn(run, "/bin/sh", "-c", script)
            frame = talk.wait("spawned", run)
            known[run] = (frame["pid"], frame["start"])
        wait_for("the daemon", lambda: len(marked(BASE | 3)) == 2)
        wait_for("a thread's end", lambda: b") Z " in tree.read(f"/proc/{known[4][0]}/stat"))
        first.process.kill()
        first.process.wait()
    try:
        yield known
    finally:
        for run in SCRIPTS:
            for pid in marked(BASE | run):
                tree.send(pid, signal.SIGKILL, lambda _: True)


SCRIPTS = {
    1: "trap 'echo bye; exit 6' TERM; echo one; while :; do sleep 0.01; done",
    2: "exec sleep 600",
    3: "(setsid sleep 600 &) ; exec sleep 600",
    4: f"exec {sys.executable} -c '{FIRST_THREAD_ENDS}'",
}


@pytest.fixture
def second(tmp_path: Path, left: dict[int, tuple[int, int]]) -> Iterator[KeeperProcess]:
    with running(tmp_path) as it:
        yield it


@pytest.fixture
def talk(second: KeeperProcess) -> Talk:
    it = second.manager()
    it.hello()
    return it


def adopt(talk: Talk, left: dict[int, tuple[int, int]], run: int) -> None:
    pid, start = left[run]
    talk.say("adopt", run=run, mark=BASE | run, pid=pid, start=start)


def test_an_adopted_process_keeps_its_output_and_is_signalled(
    talk: Talk, left: dict[int, tuple[int, int]]
) -> None:
    adopt(talk, left, 1)
    assert talk.wait("spawned", 1)["pid"] == left[1][0]

    talk.say("signal", run=1, signal=int(signal.SIGTERM))

    end = talk.wait("exited", 1)
    if end["left"]:
        talk.wait("gone", 1)
    output = talk.read(1)  # The shell may say in between that its sleep was terminated.
    assert output.startswith(b"one\n")
    assert output.endswith(b"bye\n")
    # The kernel tells the status from 6.15 on; before, it is unknown and never invented.
    known = end["status"] is not None and os.waitstatus_to_exitcode(end["status"])
    assert known in (6, False)


def test_an_adopted_tree_is_killed_whole(talk: Talk, left: dict[int, tuple[int, int]]) -> None:
    adopt(talk, left, 3)
    talk.wait("spawned", 3)

    talk.say("kill", run=3)

    if talk.wait("exited", 3)["left"]:
        talk.wait("gone", 3)
    assert marked(BASE | 3) == []


def test_what_an_adopted_leader_leaves_is_watched(
    talk: Talk, left: dict[int, tuple[int, int]]
) -> None:
    adopt(talk, left, 3)
    talk.wait("spawned", 3)
    os.kill(left[3][0], signal.SIGKILL)
    assert talk.wait("exited", 3)["left"]
    (rest,) = marked(BASE | 3)
    assert not [f for f in talk.heard if f["op"] == "gone"]
    os.kill(rest, signal.SIGKILL)
    talk.wait("gone", 3)


def test_a_process_whose_first_thread_has_ended_lives_and_is_adopted(
    talk: Talk, left: dict[int, tuple[int, int]]
) -> None:
    adopt(talk, left, 4)
    assert talk.wait("spawned", 4)["pid"] == left[4][0]

    talk.say("kill", run=4)

    talk.wait("exited", 4)
    wait_for("the end", lambda: not marked(BASE | 4))


def test_only_the_very_process_is_adopted(talk: Talk, left: dict[int, tuple[int, int]]) -> None:
    pid, start = left[2]
    talk.say("adopt", run=2, mark=BASE | 2, pid=pid, start=start + 1)
    assert talk.wait("exited", 2)["left"]  # It bears the mark: to be stopped, not forgotten.
    talk.say("adopt", run=20, mark=BASE | 20, pid=pid, start=start)
    talk.wait("lost", 20)
    os.kill(pid, signal.SIGKILL)
    wait_for("its end", lambda: (tree.stat(pid) or "Z")[0] == "Z")
    talk.say("adopt", run=21, mark=BASE | 2, pid=pid, start=start)
    talk.wait("lost", 21)


def test_adopted_processes_survive_a_reload(
    second: KeeperProcess, talk: Talk, left: dict[int, tuple[int, int]]
) -> None:
    adopt(talk, left, 2)
    talk.wait("spawned", 2)
    talk.say("reload")
    os.kill(talk.bridge, signal.SIGKILL)
    talk = second.manager()
    talk.hello()
    assert talk.wait("run", 2)["pid"] == left[2][0]
    talk.say("spawn", **order(2, "true"))
    os.kill(left[2][0], signal.SIGTERM)
    assert talk.wait("exited", 2)["status"] in (None, signal.SIGTERM)


def test_nothing_is_called_lost_for_want_of_descriptors(
    tmp_path: Path, left: dict[int, tuple[int, int]]
) -> None:
    with running(tmp_path, "prlimit", "--nofile=64:64") as keeper:
        talk = keeper.manager()
        talk.hello()
        names = [f"hoard {i}" for i in range(20)]
        for name in names:
            talk.say("keep", (0,), name=name)
        adopt(talk, left, 2)
        talk.say("spawn", **order(50, "/bin/true"))
        assert "too many open files" in talk.wait("failed", 50)["what"]
        assert [frame["op"] for frame in talk.heard if frame.get("run") == 2] == []

        for name in names:
            talk.say("drop", name=name)

        assert talk.wait("spawned", 2)["pid"] == left[2][0]

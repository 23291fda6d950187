from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proctor.metrics import census as census_module
from proctor.metrics.census import REREAD, Census

DEADLINE = 30.0
GROWER = """\
import sys
print(flush=True)
for line in sys.stdin:
    grown = b"x" * (16 << 20)
    print(flush=True)
"""


def until_asleep(pid: int) -> None:
    end = time.monotonic() + DEADLINE
    while Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] != b"S":
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def census() -> Iterator[Census]:
    census = Census()
    yield census
    census.rest()


def test_a_census_has_us_and_our_children_and_no_zombie(census: Census) -> None:
    child = subprocess.Popen(["sleep", "100"])
    dead = subprocess.Popen(["true"])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    try:
        *_, procs = census.sweep()

        assert procs[child.pid].parent == os.getpid()
        assert procs[child.pid].session == os.getsid(0)
        assert procs[os.getpid()].rss > 1 << 20
        assert dead.pid not in procs
    finally:
        child.kill()
        child.wait()
        dead.wait()


def open_stats() -> set[str]:
    """Return the pids whose stat files are open here."""
    paths = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            paths.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            pass  # The one that lists.
    return {p.split("/")[2] for p in paths if p.startswith("/proc/") and p.endswith("/stat")}


def test_files_of_somebodys_processes_are_kept_open_while_they_live(
    census: Census,
) -> None:
    child = subprocess.Popen(["sleep", "100"])
    try:
        *_, procs = census.sweep()
        census.nobodys(procs, {child.pid, os.getpid()})
        assert str(child.pid) in open_stats()
        assert "1" not in open_stats()
    finally:
        child.kill()
        child.wait()

    *_, procs = census.sweep()
    assert child.pid not in procs
    assert str(child.pid) not in open_stats()

    census.rest()
    assert open_stats() == set()
    assert os.getpid() in list(census.sweep())[-1]


def test_no_more_files_are_kept_open_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(census_module, "MOST_OPEN", 3)
    census = Census()
    *_, procs = census.sweep()
    *_, again = census.sweep()

    assert len(procs) > 3
    assert os.getpid() in again
    assert len(open_stats()) <= 3
    census.rest()


def test_who_is_nobodys_is_read_again_now_and_then_only(census: Census) -> None:
    young = subprocess.Popen(["sleep", "100"])
    try:
        *_, procs = census.sweep()
        census.nobodys(procs, {os.getpid()})
        later = [list(census.sweep())[-1] for _ in range(REREAD)]

        assert 1 in procs
        assert [1 in procs for procs in later] == [False] * (REREAD - 1) + [True]
        assert all(young.pid in procs and os.getpid() in procs for procs in later)
    finally:
        young.kill()
        young.wait()


def test_what_changes_is_read_anew(census: Census) -> None:
    *_, before = census.sweep()
    # A mapping of its own: what the allocator hands out may have been resident all along.
    with mmap.mmap(-1, 32 << 20) as held:
        held.write(b"x" * len(held))
        *_, after = census.sweep()
        size = len(held)

    assert after[os.getpid()].rss >= before[os.getpid()].rss + size // 2


def test_who_sleeps_is_not_read_again_until_it_has_run(census: Census) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GROWER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as grower:
        assert grower.stdin is not None
        assert grower.stdout is not None
        grower.stdout.readline()
        until_asleep(grower.pid)
        *_, before = census.sweep()
        *_, same = census.sweep()

        grower.stdin.write(b"\n")
        grower.stdin.flush()
        grower.stdout.readline()
        *_, after = census.sweep()

    assert same[grower.pid] is before[grower.pid]
    assert after[grower.pid].rss >= before[grower.pid].rss + (8 << 20)


@contextmanager
def parent_and_child() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A shell that waits for a line, and the child of it that sleeps."""
    script = "sleep 100 & echo $!; read line"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        child = int(shell.stdout.readline())
        until_asleep(child)
        try:
            yield shell, child
        finally:
            os.kill(child, signal.SIGKILL)
            shell.kill()


def test_who_sleeps_has_another_parent_when_its_own_ends(census: Census) -> None:
    with parent_and_child() as (shell, orphan):
        *_, before = census.sweep()
        shell.kill()
        shell.wait()
        *_, after = census.sweep()

    assert before[orphan].parent == shell.pid
    assert after[orphan].parent not in (shell.pid, orphan)


def test_who_sleeps_has_another_parent_though_nobody_waits_for_the_dead_one(
    census: Census,
) -> None:
    with parent_and_child() as (shell, orphan):
        *_, before = census.sweep()
        shell.kill()
        os.waitid(os.P_PID, shell.pid, os.WEXITED | os.WNOWAIT)
        *_, after = census.sweep()

    assert before[orphan].parent == shell.pid
    assert after[orphan].parent not in (shell.pid, orphan)


def test_who_sleeps_has_another_parent_when_its_own_ends_during_a_sweep(
    census: Census, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census_module, "_SLICE", 1)
    with parent_and_child() as (shell, orphan):
        *_, before = census.sweep()
        sweep = census.sweep()
        next(sweep)  # The pids are listed, and the first one is read.
        shell.kill()
        shell.wait()
        *_, after = sweep

    assert before[orphan].parent == shell.pid
    assert after[orphan].parent not in (shell.pid, orphan)

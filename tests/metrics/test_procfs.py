from __future__ import annotations

import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.metrics import procfs

STAT = (
    b"4242 (a) b (c)) S 7 4242 4200 0 -1 4194304 95 0 0 0 11 22 33 44 20 0 5 0 98765 2600960 256 "
    b"18446744073709551615 1 2 3\n"
)


def test_names_with_blanks_and_brackets_are_no_problem() -> None:
    assert procfs.parse(STAT) == procfs.Proc(7, 4200, 110, 5, 98765, 256 * procfs.PAGE)


def test_zombies_and_what_is_no_stat_line_are_passed_over() -> None:
    assert procfs.parse(STAT.replace(b" S ", b" Z ")) is None
    assert procfs.parse(b"") is None
    assert procfs.parse(b"1 (x) S 1 2") is None


@pytest.fixture
def census() -> Iterator[procfs.Census]:
    census = procfs.Census()
    yield census
    census.rest()


def test_a_census_has_us_and_our_children_and_no_zombie(census: procfs.Census) -> None:
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
    census: procfs.Census,
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
    monkeypatch.setattr(procfs, "MOST_OPEN", 3)
    census = procfs.Census()
    *_, procs = census.sweep()
    *_, again = census.sweep()

    assert len(procs) > 3
    assert os.getpid() in again
    assert len(open_stats()) <= 3
    census.rest()


def test_who_is_nobodys_is_read_again_now_and_then_only(census: procfs.Census) -> None:
    young = subprocess.Popen(["sleep", "100"])
    try:
        *_, procs = census.sweep()
        census.nobodys(procs, {os.getpid()})
        later = [list(census.sweep())[-1] for _ in range(procfs.REREAD)]

        assert 1 in procs
        assert [1 in procs for procs in later] == [False] * (procfs.REREAD - 1) + [True]
        assert all(young.pid in procs and os.getpid() in procs for procs in later)
    finally:
        young.kill()
        young.wait()


def test_what_changes_is_read_anew(census: procfs.Census) -> None:
    *_, before = census.sweep()
    # A mapping of its own: what the allocator hands out may have been resident all along.
    with mmap.mmap(-1, 32 << 20) as held:
        held.write(b"x" * len(held))
        *_, after = census.sweep()
        size = len(held)

    assert after[os.getpid()].rss >= before[os.getpid()].rss + size // 2


def test_descriptors_are_counted_of_processes_that_live() -> None:
    reader, writer = os.pipe()
    before = procfs.count_fds([os.getpid()])
    os.close(reader)
    os.close(writer)

    assert before is not None
    assert procfs.count_fds([os.getpid()]) == before - 2
    assert procfs.count_fds([2**22 + 1]) == 0


def test_pss_is_some_of_the_rss() -> None:
    text = Path("/proc/self/smaps_rollup").read_text()
    rss = int(text.partition("\nRss:")[2].split()[0]) * 1024

    found = procfs.pss([os.getpid(), 2**22 + 1])

    assert found is not None
    assert 0 < found <= rss * 2

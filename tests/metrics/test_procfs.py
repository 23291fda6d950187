from __future__ import annotations

import os
from pathlib import Path

from proctor.metrics import procfs

STAT = (
    b"4242 (a) b (c)) S 7 4242 4200 0 -1 4194304 95 0 0 0 11 22 33 44 20 0 5 0 98765 2600960 256 "
    b"18446744073709551615 1 2 3\n"
)


def test_names_with_blanks_and_brackets_are_no_problem() -> None:
    assert procfs.parse(STAT) == procfs.Proc(7, 4200, 110, 5, 98765, 256 * procfs.PAGE)


def test_zombies_and_what_is_no_stat_line_are_passed_over() -> None:
    assert procfs.parse(STAT.replace(b" S ", b" Z ").replace(b" 0 5 0 ", b" 0 1 0 ")) is None
    assert procfs.parse(b"") is None
    assert procfs.parse(b"1 (x) S 1 2") is None


def test_a_process_whose_first_thread_has_ended_is_no_zombie() -> None:
    assert procfs.parse(STAT.replace(b" S ", b" Z ")) == procfs.parse(STAT)


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

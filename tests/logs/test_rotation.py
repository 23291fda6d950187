"""Logs are cut at line ends, keep their quotas, and stand what a crash leaves of a cut."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proctor.core.model import ReplicaId
from proctor.logs import reader
from proctor.logs.index import Record
from proctor.logs.rotation import Limits, Segment, next_start, surplus, without_overlap

from .support import DEADLINE, WEB, content_of, lay, put_all, size_of, writing

KIB, MIB = 1 << 10, 1 << 20
GONE = ReplicaId("gone", 0)


@given(st.binary(max_size=60), st.integers(60, 1000))
def test_a_segment_begins_behind_the_last_newline(tail: bytes, end: int) -> None:
    start = next_start(tail, end)

    moved = tail[len(tail) - (end - start) :] if start < end else b""
    assert b"\n" not in moved
    kept = tail[: len(tail) - len(moved)]
    assert kept.endswith(b"\n") or (b"\n" not in tail and start == end)


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 80), st.integers(0, 300))
def test_no_more_is_dropped_than_the_quota_asks(sizes: list[int], rest: int, quota: int) -> None:
    total = sum(sizes) + rest

    count = surplus(sizes, total, quota)

    assert total - sum(sizes[:count]) <= quota or count == len(sizes)
    assert count == 0 or total - sum(sizes[: count - 1]) > quota


@given(st.dictionaries(st.integers(0, 100), st.integers(0, 60), max_size=6))
def test_without_overlap_every_offset_is_in_one_segment(layout: dict[int, int]) -> None:
    found = [Segment(start, layout[start]) for start in sorted(layout)]

    cut = without_overlap(found)

    assert [s.start for s in cut] == [s.start for s in found]
    offsets = [offset for s in cut for offset in range(s.start, s.end)]
    assert len(offsets) == len(set(offsets))
    lost = {offset for s in found for offset in range(s.start, s.end)} - set(offsets)
    # What reaches over a whole successor is cut with it.
    assert all(any(s.start <= offset for s in found[1:]) for offset in lost)


@given(st.integers(1, 2**34), st.integers(1, 2**34), st.integers(1, 2**34))
def test_no_segment_is_more_than_was_asked_for(segment: int, replica: int, total: int) -> None:
    limits = Limits(segment, replica, total)

    assert 0 < limits.cut_at <= segment
    assert limits.longest_tail <= limits.cut_at


def test_segments_are_cut_at_line_ends(tmp_path: Path) -> None:
    content = b"".join(b"%d " % i + b"y" * (i % 300) + b"\n" for i in range(20_000))

    with writing(tmp_path, Limits(segment=256 * KIB)) as now:
        now.put(WEB, 1, content)

    segments = reader.segments(tmp_path, WEB)
    assert content_of(tmp_path) == content
    assert len(segments) >= 5
    for segment in segments:
        assert content[segment.end - 1 : segment.end] == b"\n"
        assert segment.size <= 256 * KIB + MIB


def test_the_lines_moved_by_a_cut_keep_their_run_and_time(tmp_path: Path) -> None:
    with writing(tmp_path, Limits(segment=64 * KIB)) as now:
        began = time.time()
        now.put(WEB, 1, b"a" * 50_000 + b"\n" + b"b" * 10_000)
        now.put(WEB, 2, b"c" * 10_000 + b"\n")
        ended = time.time()

    found = [(r.run, r.start, r.stop) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [(1, 0, 60_001), (2, 60_001, 70_002)]
    spans = list(reader.index_spans(tmp_path, WEB))
    assert all(began - 0.1 <= span.record.time <= ended for span in spans)


def test_without_line_ends_a_segment_is_cut_anywhere(tmp_path: Path) -> None:
    content = b"z" * 3_000_000

    with writing(tmp_path, Limits(segment=128 * KIB)) as now:
        now.put(WEB, 1, content)

    assert content_of(tmp_path) == content
    assert all(s.size <= 128 * KIB for s in reader.segments(tmp_path, WEB))


def test_the_quota_of_a_replica_holds_while_it_writes(tmp_path: Path) -> None:
    quota = 2_000_000
    most = 0
    with writing(tmp_path, Limits(replica=quota)) as now:
        write = now.begin(WEB, 1)
        command = "yes 'a line of some length, and its number is unknown' | head -c 40000000"
        with subprocess.Popen(command, shell=True, stdout=write):
            os.close(write)
            while not now.drained(1):
                most = max(most, size_of(tmp_path))
            most = max(most, size_of(tmp_path))

    first, end = reader.bounds(tmp_path, WEB)
    # A segment that goes while the next one is looked at counts twice: one is an eighth.
    assert most <= quota * 9 // 8 + 100_000
    assert end == 40_000_000
    assert end - first >= quota * 3 // 4
    assert content_of(tmp_path).startswith(b"a line")


def test_the_quota_of_all_drops_first_what_is_oldest_also_of_tasks_that_are_gone(
    tmp_path: Path,
) -> None:
    old = lay(tmp_path, GONE, 0, b"old\n" * 100_000)
    os.utime(old, (1_000, 1_000))
    lay(tmp_path, ReplicaId("recent", 0), 0, b"new\n" * 100_000)

    with writing(tmp_path, Limits(total=1_200_000)) as now:
        now.put(WEB, 1, b"x\n" * 300_000)

    assert not (tmp_path / "gone").exists()
    assert reader.bounds(tmp_path, ReplicaId("recent", 0)) == (0, 400_000)
    assert content_of(tmp_path) == b"x\n" * 300_000


def test_the_quota_of_all_holds_when_all_of_it_is_being_written(tmp_path: Path) -> None:
    ids = [ReplicaId("web", index) for index in range(30)]
    with writing(tmp_path, Limits(total=1_500_000)) as now:
        writes = [now.begin(id, id.index + 1) for id in ids]
        for _ in range(3):
            for id, write in zip(ids, writes, strict=True):
                put_all(write, b"y" * 49_999 + b"\n")
                now.writer.drain(id.index + 1).result(DEADLINE)
                assert size_of(tmp_path) <= 1_500_000
        for write in writes:
            os.close(write)

    found = [reader.bounds(tmp_path, id) for id in ids[-5:]]
    assert {end for _, end in found} == {150_000}
    # All of what they wrote before was dropped, and yet the offsets went on.
    assert all(first >= 50_000 for first, _ in found)


def test_a_writer_that_begins_above_the_quota_comes_down_to_it(tmp_path: Path) -> None:
    for start in range(0, 3_000_000, 300_000):
        lay(tmp_path, WEB, start, b"z" * 300_000)

    with writing(tmp_path, Limits(replica=1_000_000)) as now:
        now.put(WEB, 1, b"more\n")

    assert reader.bounds(tmp_path, WEB)[1] == 3_000_005
    assert size_of(tmp_path) <= 1_000_000


def test_a_crash_in_a_cut_doubles_nothing(tmp_path: Path) -> None:
    # The new segment has the partial line, the old one is not cut yet.
    lay(tmp_path, WEB, 0, b"line\npart", [Record(5.0, 0, 1)])
    lay(tmp_path, WEB, 5, b"part", [Record(5.0, 5, 1)])
    leftover = tmp_path / "web/0/00000000000000000099.log.tmp"
    leftover.write_bytes(b"never")
    read_before = content_of(tmp_path)

    with writing(tmp_path) as now:
        now.put(WEB, 2, b"ial\n")

    assert read_before == b"line\npart"
    assert content_of(tmp_path) == b"line\npartial\n"
    assert not leftover.exists()
    assert (tmp_path / "web/0/00000000000000000000.log").read_bytes() == b"line\n"


def test_records_whose_bytes_never_came_are_of_no_run(tmp_path: Path) -> None:
    lay(tmp_path, WEB, 0, b"one\n", [Record(5.0, 0, 1), Record(6.0, 4, 2), Record(7.0, 90, 2)])

    with writing(tmp_path) as now:
        now.put(WEB, 3, b"three\n")

    found = [(r.run, r.start, r.stop) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [(1, 0, 4), (3, 4, 10)]


def test_an_index_torn_by_a_crash_goes_on_at_a_whole_record(tmp_path: Path) -> None:
    lay(tmp_path, WEB, 0, b"one\n", [Record(5.0, 0, 1)])
    with (tmp_path / "web/0/00000000000000000000.idx").open("ab") as index:
        index.write(b"torn")

    with writing(tmp_path) as now:
        now.put(WEB, 2, b"two\n")

    assert [r.run for r in reader.run_ranges(tmp_path, WEB)] == [1, 2]

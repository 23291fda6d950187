"""Reading needs the files alone, and stands what rotation and crashes do to them."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proctor.core.model import ReplicaId
from proctor.logs import reader
from proctor.logs.index import Record
from proctor.logs.lines import LONGEST, lines

from .support import WEB, content_of, lay, writing


def lay_three(root: Path) -> bytes:
    """Three segments: run 1 from 100.0, run 2 from 200.0, half a line of run 3 from 300.0."""
    lay(root, WEB, 10, b"a1\na2\n", [Record(100.0, 10, 1), Record(101.0, 13, 1)])
    lay(root, WEB, 16, b"b1\nb2\n", [Record(200.0, 16, 2), Record(202.0, 19, 2)])
    lay(root, WEB, 22, b"c1\nc", [Record(300.0, 22, 3)])
    return b"a1\na2\nb1\nb2\nc1\nc"


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert content_of(tmp_path) == b""
    assert reader.bounds(tmp_path, WEB) == (0, 0)
    assert reader.replicas(tmp_path, "web") == []
    assert reader.run_ranges(tmp_path, WEB) == []
    assert reader.since(tmp_path, WEB, 5.0) == 0
    assert reader.tail(tmp_path, WEB, 10) == 0
    assert list(lines(tmp_path, WEB)) == []


def test_the_replicas_with_logs_are_listed_in_order(tmp_path: Path) -> None:
    for index in (10, 2, 0):
        lay(tmp_path, ReplicaId("web", index), 0, b"x")
    (tmp_path / "web/7").mkdir()
    (tmp_path / "web/other").mkdir()

    assert reader.replicas(tmp_path, "web") == [0, 2, 10]


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_range_is_cut_out_of_all_segments(
    tmp_path_factory: object, start: int, stop: int
) -> None:
    root = _three_at(tmp_path_factory)
    content = b" " * 10 + b"a1\na2\nb1\nb2\nc1\nc"

    found = b"".join(reader.chunks(root, WEB, start, stop))

    assert found == content[max(start, 10) : max(stop, 0)]


def _three_at(factory: object) -> Path:
    import pytest

    assert isinstance(factory, pytest.TempPathFactory)
    root = factory.getbasetemp() / "three"
    if not root.exists():
        lay_three(root)
    return root


def test_bounds_are_what_is_retained(tmp_path: Path) -> None:
    lay_three(tmp_path)

    assert reader.bounds(tmp_path, WEB) == (10, 26)


def test_runs_are_found_with_their_times(tmp_path: Path) -> None:
    lay_three(tmp_path)

    found = [(r.run, r.start, r.stop, r.began, r.ended) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [
        (1, 10, 16, 100.0, 101.0),
        (2, 16, 22, 200.0, 202.0),
        (3, 22, 26, 300.0, 300.0),
    ]


def test_since_finds_the_first_byte_of_a_time(tmp_path: Path) -> None:
    lay_three(tmp_path)

    wanted = {50.0: 10, 100.0: 10, 100.5: 13, 101.5: 16, 201.0: 19, 202.5: 22, 300.5: 26}
    assert {time: reader.since(tmp_path, WEB, time) for time in wanted} == wanted


def test_since_skips_segments_that_are_older(tmp_path: Path) -> None:
    lay_three(tmp_path)
    directory = tmp_path / "web/0"
    for path, time in zip(sorted(directory.glob("*.log")), (101.0, 202.0, 300.0), strict=True):
        os.utime(path, (time, time))

    wanted = {100.5: 13, 101.5: 16, 202.5: 22, 301.5: 26}
    assert {time: reader.since(tmp_path, WEB, time) for time in wanted} == wanted


def test_without_an_index_the_bytes_are_there_and_the_run_is_unknown(tmp_path: Path) -> None:
    path = lay(tmp_path, WEB, 0, b"one\ntwo\n")
    os.utime(path, (500.0, 500.0))

    found = [(r.run, r.start, r.stop) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [(0, 0, 8)]
    assert [(line.time, line.text) for line in lines(tmp_path, WEB)] == [
        (500.0, b"one\n"),
        (500.0, b"two\n"),
    ]
    assert reader.since(tmp_path, WEB, 499.0) == 0
    assert reader.since(tmp_path, WEB, 501.0) == 8


def test_the_last_lines_are_counted_across_segments(tmp_path: Path) -> None:
    content = lay_three(tmp_path)

    for count in range(9):
        begin = reader.tail(tmp_path, WEB, count)
        wanted = b"".join(content.splitlines(keepends=True)[-count:]) if count else b""
        assert b"".join(reader.chunks(tmp_path, WEB, begin)) == wanted


def test_the_last_lines_before_an_offset(tmp_path: Path) -> None:
    lay_three(tmp_path)

    assert reader.tail(tmp_path, WEB, 2, stop=22) == 16
    assert reader.tail(tmp_path, WEB, 1, stop=21) == 19


def test_the_last_lines_of_a_long_log(tmp_path: Path) -> None:
    content = b"".join(b"%d\n" % number for number in range(200_000))
    lay(tmp_path, WEB, 0, content)

    begin = reader.tail(tmp_path, WEB, 150_000)

    assert content[begin:].startswith(b"50000\n")


def test_bytes_missing_between_two_segments_are_skipped(tmp_path: Path) -> None:
    lay_three(tmp_path)
    (tmp_path / "web/0/00000000000000000016.log").unlink()

    assert content_of(tmp_path) == b"a1\na2\nc1\nc"
    assert reader.tail(tmp_path, WEB, 3) == 13


def test_a_segment_that_is_dropped_while_it_is_read_is_skipped(tmp_path: Path) -> None:
    lay_three(tmp_path)
    reading = reader.chunks(tmp_path, WEB)
    first = next(reading)
    for start in (10, 16):
        (tmp_path / f"web/0/{start:020d}.log").unlink()

    assert first == b"a1\na2\n"
    assert b"".join(reading) == b"c1\nc"


def test_a_log_that_vanishes_while_it_is_read_ends(tmp_path: Path) -> None:
    lay_three(tmp_path)
    reading = reader.chunks(tmp_path, WEB)
    next(reading)
    for path in (tmp_path / "web/0").iterdir():
        path.unlink()
    (tmp_path / "web/0").rmdir()

    assert list(reading) == []


def test_a_segment_that_is_cut_while_it_is_read_is_not_doubled(tmp_path: Path) -> None:
    path = lay(tmp_path, WEB, 0, b"l\n" * 200_000 + b"part")
    reading = reader.chunks(tmp_path, WEB)
    read = next(reading)
    lay(tmp_path, WEB, 400_000, b"partial\n")
    with path.open("r+b") as file:
        file.truncate(400_000)

    # What was not there when the reading began is not part of it.
    assert read + b"".join(reading) == b"l\n" * 200_000 + b"part"


def test_what_is_no_segment_is_not_read(tmp_path: Path) -> None:
    lay_three(tmp_path)
    directory = tmp_path / "web/0"
    (directory / "notes.log").write_bytes(b"no")
    (directory / "00000000000000000099.log").symlink_to("/etc/passwd")
    (directory / "00000000000000000098.log").mkdir()

    assert reader.bounds(tmp_path, WEB) == (10, 26)


def test_lines_know_their_time_run_and_offset(tmp_path: Path) -> None:
    lay_three(tmp_path)

    found = [(line.time, line.run, line.offset, line.text) for line in lines(tmp_path, WEB)]
    assert found == [
        (100.0, 1, 10, b"a1\n"),
        (101.0, 1, 13, b"a2\n"),
        (200.0, 2, 16, b"b1\n"),
        (202.0, 2, 19, b"b2\n"),
        (300.0, 3, 22, b"c1\n"),
        (300.0, 3, 25, b"c"),
    ]


def test_lines_of_one_run_between_two_offsets(tmp_path: Path) -> None:
    lay_three(tmp_path)

    assert [line.text for line in lines(tmp_path, WEB, run=2)] == [b"b1\n", b"b2\n"]
    assert [line.text for line in lines(tmp_path, WEB, start=13, stop=19)] == [b"a2\n", b"b1\n"]


def test_a_line_that_a_run_did_not_finish_ends_with_the_run(tmp_path: Path) -> None:
    lay(tmp_path, WEB, 0, b"half" + b"new\n", [Record(1.0, 0, 1), Record(2.0, 4, 2)])

    assert [(line.run, line.text) for line in lines(tmp_path, WEB)] == [(1, b"half"), (2, b"new\n")]


def test_two_streams_that_alternate_within_a_line_are_kept_apart(tmp_path: Path) -> None:
    records = [
        Record(1.0, 0, 1, stream=0),
        Record(1.1, 3, 1, stream=1),
        Record(1.2, 7, 1, stream=0),
    ]
    lay(tmp_path, WEB, 0, b"outerr\n" + b"put\n", records)

    found = [(line.stream, line.offset, line.text) for line in lines(tmp_path, WEB)]
    assert found == [(1, 3, b"err\n"), (0, 0, b"output\n")]


def test_a_line_across_two_segments_is_one(tmp_path: Path) -> None:
    lay(tmp_path, WEB, 0, b"beg", [Record(1.0, 0, 1)])
    lay(tmp_path, WEB, 3, b"in\nend\n", [Record(2.0, 3, 1)])

    assert [(line.time, line.text) for line in lines(tmp_path, WEB)] == [
        (1.0, b"begin\n"),
        (2.0, b"end\n"),
    ]


def test_an_endless_line_comes_in_parts(tmp_path: Path) -> None:
    content = b"x" * 5_000_000 + b"\n"
    lay(tmp_path, WEB, 0, content)

    found = [line.text for line in lines(tmp_path, WEB)]

    assert b"".join(found) == content
    assert len(found) > 3
    assert max(map(len, found)) < 2 * LONGEST


def test_times_of_lines_are_those_of_their_writing(tmp_path: Path) -> None:
    import time

    with writing(tmp_path) as now:
        before = time.time()
        now.put(WEB, 1, b"one\n")
        between = time.time()
        now.put(WEB, 2, b"two\n")
        after = time.time()

    one, two = lines(tmp_path, WEB)
    assert before - 0.001 <= one.time <= between <= two.time + 0.001 <= after + 0.002

"""Lines of many replicas: chosen, in the order of time, and followed."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor.core.model import ReplicaId
from proctor.logs.index import Record
from proctor.logs.lines import Line
from proctor.logs.markers import Marker, placed
from proctor.logs.pattern import Pattern
from proctor.logs.reader import RunRange
from proctor.logs.search import Source, Wanted, line_begin, search, whole

from .support import lay

WEB, DB = ReplicaId("web", 0), ReplicaId("db", 0)


def texts(found):
    return [line.text.decode().rstrip("\n") for _, _, line in found]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay(
        tmp_path,
        WEB,
        0,
        b"w1\nw2 ERR\nw3\n",
        [Record(1.0, 0, 1), Record(3.0, 3, 1), Record(5.0, 10, 2)],
    )
    lay(tmp_path, DB, 0, b"d1\nd2 ERR\n", [Record(2.0, 0, 7), Record(4.0, 3, 7)])
    return tmp_path


def test_lines_of_several_replicas_come_in_the_order_of_time(root):
    assert texts(search(root, [Source(WEB), Source(DB)], Wanted())) == [
        "w1",
        "d1",
        "w2 ERR",
        "d2 ERR",
        "w3",
    ]


def test_only_lines_that_match_come(root):
    assert texts(search(root, [Source(WEB), Source(DB)], Wanted(grep=Pattern("ERR$")))) == [
        "w2 ERR",
        "d2 ERR",
    ]


def test_times_runs_and_tails_bound_what_comes(root):
    assert texts(search(root, [Source(WEB), Source(DB)], Wanted(since=3.0, until=5.0))) == [
        "w2 ERR",
        "d2 ERR",
    ]
    assert texts(search(root, [Source(WEB), Source(DB)], Wanted(run=2))) == ["w3"]
    assert texts(search(root, [Source(WEB), Source(DB)], Wanted(tail=2))) == ["d2 ERR", "w3"]


def test_json_lines_are_chosen_by_level(tmp_path):
    lines = b'{"level":"INFO"}\n{"level":"warn","n":1}\nplain\n{"severity":"fatal"}\n'
    lay(tmp_path, WEB, 0, lines, [Record(1.0, 0, 1)])

    found = texts(search(tmp_path, [Source(WEB)], Wanted(level="warning")))
    assert found == ['{"level":"warn","n":1}', '{"severity":"fatal"}']


def test_following_takes_whole_lines_only_and_goes_on_where_it_was(tmp_path):
    lay(tmp_path, WEB, 0, b"one\ntw", [Record(1.0, 0, 1)])
    assert whole(tmp_path, WEB) == 4
    assert whole(tmp_path, WEB, 4) == 4
    assert texts(search(tmp_path, [Source(WEB, start=0, stop=4)], Wanted())) == ["one"]
    assert line_begin(tmp_path, WEB, 6) == 4

    lay(tmp_path, WEB, 0, b"one\ntwo\n", [Record(1.0, 0, 1)])
    assert whole(tmp_path, WEB, 4) == 8
    assert texts(search(tmp_path, [Source(WEB, start=4, stop=8)], Wanted())) == ["two"]
    assert line_begin(tmp_path, WEB, 8) == 8


@settings(deadline=None)
@given(st.lists(st.integers(0, 39), max_size=60), st.integers(1, 30), st.sampled_from([1.0, 0.005]))
def test_the_tail_of_many_logs_is_that_of_all_their_lines(tmp_path_factory, written, count, step):
    root = tmp_path_factory.mktemp("logs")
    ids = [ReplicaId("web", index) for index in range(40)]
    texts_of: dict[int, list[bytes]] = {}
    records: dict[int, list[Record]] = {}
    for at, index in enumerate(written):
        said = texts_of.setdefault(index, [])
        records.setdefault(index, []).append(Record(at * step, len(b"".join(said)), 1))
        said.append(b"%d\n" % at)
    for index, said in texts_of.items():
        path = lay(root, ids[index], 0, b"".join(said), records[index])
        newest = max(record.time for record in records[index])
        os.utime(path, (newest, newest))

    many = [Source(id) for id in ids]
    found = list(search(root, many, Wanted(tail=count)))

    assert texts(found) == [str(at) for at in range(len(written))][-count:]


def test_a_line_that_never_ends_is_not_waited_for(tmp_path):
    lay(tmp_path, WEB, 0, b"one\n" + b"x" * (2 << 20), [Record(1.0, 0, 1)])

    assert whole(tmp_path, WEB) == 4 + (2 << 20)
    assert whole(tmp_path, WEB, 4 + (2 << 20) - 5) == 4 + (2 << 20) - 5


def test_what_an_earlier_task_of_the_name_wrote_is_passed_over(root):
    assert texts(search(root, [Source(WEB, first_run=2)], Wanted())) == ["w3"]
    assert texts(search(root, [Source(WEB, first_run=1)], Wanted())) == ["w1", "w2 ERR", "w3"]
    assert texts(search(root, [Source(WEB, first_run=3)], Wanted())) == []
    assert texts(search(root, [Source(WEB, first_run=2)], Wanted(tail=2))) == ["w3"]


def marks(*runs):
    return [
        Marker(run, ends, 10.0 * run + ends, f"{run}") for run in runs for ends in (False, True)
    ]


def shown(found):
    return [
        f"{'end' if one.ends else 'begin'} {one.text}" if isinstance(one, Marker) else one.text
        for _, _, one in found
    ]


def test_the_lines_of_a_run_lie_between_its_begin_and_its_end_whatever_their_times(tmp_path):
    # The exit of run 1 was seen at 11.0, its last line was read later; so did run 2's begin.
    records = [Record(9.9, 0, 1), Record(11.4, 2, 1), Record(19.0, 4, 3)]
    lay(tmp_path, WEB, 0, b"a\nb\nc\n", records)
    source = Source(WEB, markers=tuple(marks(1, 2, 3, 4)))

    assert shown(search(tmp_path, [source], Wanted())) == [
        "begin 1", b"a\n", b"b\n", "end 1", "begin 2", "end 2",
        "begin 3", b"c\n", "end 3", "begin 4", "end 4",
    ]  # fmt: skip


def test_markers_of_replicas_are_merged_by_about_when_they_came(root):
    web = Source(WEB, markers=(Marker(1, False, 1.5, "up"), Marker(1, True, 4.5, "down")))

    found = shown(search(root, [web, Source(DB)], Wanted()))

    assert found == [
        "begin up", b"w1\n", b"d1\n", b"w2 ERR\n", b"d2 ERR\n", "end down", b"w3\n"
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 100)), max_size=12), st.data())
def test_markers_never_come_out_of_order_and_none_is_lost(written, data):
    lines = [Line(at, run, 0, n, b"\n") for n, (run, at) in enumerate(sorted(written))]
    ranges = [
        RunRange(line.run, line.offset, line.offset + 1, line.time, line.time) for line in lines
    ]
    markers = data.draw(st.lists(st.sampled_from(marks(1, 2, 3, 4)), unique=True))

    found = [one for _, _, one in placed(WEB, lines, markers, ranges)]

    order = [one.rank if isinstance(one, Marker) else (one.run, 0.5) for one in found]
    assert order == sorted(order)
    assert len(found) == len(lines) + len(markers)


@settings(deadline=None)
@given(
    st.lists(st.text("ab \t", max_size=6), max_size=30),
    st.sampled_from(["a", "^b", "b$", "^$", "a.*b"]),
)
def test_the_fast_search_finds_what_looking_at_each_line_finds(tmp_path_factory, words, pattern):
    root = tmp_path_factory.mktemp("logs")
    lay(root, WEB, 0, "".join(word + "\n" for word in words).encode(), [Record(1.0, 0, 1)])

    found = texts(search(root, [Source(WEB)], Wanted(grep=Pattern(pattern))))
    assert found == [word for word in words if re.search(pattern, word)]

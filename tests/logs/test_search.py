"""Lines of many replicas: chosen, in the order of time, and followed."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctor.core.model import ReplicaId
from proctor.logs.index import Record
from proctor.logs.search import Wanted, from_offset, search, whole

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
    assert texts(search(root, [WEB, DB], Wanted())) == ["w1", "d1", "w2 ERR", "d2 ERR", "w3"]


def test_only_lines_that_match_come(root):
    assert texts(search(root, [WEB, DB], Wanted(grep=re.compile(b"ERR$")))) == ["w2 ERR", "d2 ERR"]


def test_times_runs_and_tails_bound_what_comes(root):
    assert texts(search(root, [WEB, DB], Wanted(since=3.0, until=5.0))) == ["w2 ERR", "d2 ERR"]
    assert texts(search(root, [WEB, DB], Wanted(run=2))) == ["w3"]
    assert texts(search(root, [WEB, DB], Wanted(tail=2))) == ["d2 ERR", "w3"]


def test_json_lines_are_chosen_by_level(tmp_path):
    lines = b'{"level":"INFO"}\n{"level":"warn","n":1}\nplain\n{"severity":"fatal"}\n'
    lay(tmp_path, WEB, 0, lines, [Record(1.0, 0, 1)])

    found = texts(search(tmp_path, [WEB], Wanted(level="warning")))
    assert found == ['{"level":"warn","n":1}', '{"severity":"fatal"}']


def test_following_takes_whole_lines_only_and_goes_on_where_it_was(tmp_path):
    lay(tmp_path, WEB, 0, b"one\ntw", [Record(1.0, 0, 1)])
    assert whole(tmp_path, WEB) == 4
    found, at = from_offset(tmp_path, WEB, 0, Wanted())
    assert (texts(found), at) == (["one"], 4)

    lay(tmp_path, WEB, 0, b"one\ntwo\n", [Record(1.0, 0, 1)])
    found, at = from_offset(tmp_path, WEB, at, Wanted())
    assert (texts(found), at) == (["two"], 8)


@given(
    st.lists(st.text("ab \t", max_size=6), max_size=30),
    st.sampled_from(["a", "^b", "b$", "^$", "a.*b"]),
)
def test_the_fast_search_finds_what_looking_at_each_line_finds(tmp_path_factory, words, pattern):
    root = tmp_path_factory.mktemp("logs")
    lay(root, WEB, 0, "".join(word + "\n" for word in words).encode(), [Record(1.0, 0, 1)])

    found = texts(search(root, [WEB], Wanted(grep=re.compile(pattern.encode()))))
    assert found == [word for word in words if re.search(pattern, word)]

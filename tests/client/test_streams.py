from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proctor.client.streams import LineSplitter, Message, SseParser


def test_messages_are_read_as_the_standard_says() -> None:
    lines = b"""\
: a comment keeps the line open
id: 1
event: state
data: {"a":
data:  1}

data:bare
unknown: x

event: nothing

id
data
data

""".splitlines()

    parser = SseParser()
    found = [message for line in lines if (message := parser.feed(line.decode()))]
    assert found == [
        Message("state", '{"a":\n 1}', "1"),
        Message("message", "bare", "1"),
        Message("message", "\n", ""),
    ]


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_lines_are_the_same_however_the_bytes_are_cut(text: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter()
    at = [0, *sorted(cuts), len(text)]

    lines = [line for a, b in pairwise(at) for line in splitter.feed(text[a:b])]

    expected = [line.removesuffix(b"\r") for line in re.split(rb"\n", text)]
    assert [*lines, splitter.rest.removesuffix(b"\r")] == expected

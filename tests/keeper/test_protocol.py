from __future__ import annotations

import json
import os
import socket
import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor.keeper.link import Link
from proctor.keeper.protocol import MAX_FRAME, Decoder, Frame, encode

texts = st.text(st.characters(codec=None), max_size=20)
frames = st.dictionaries(texts.filter(lambda t: t != "fds"), st.integers() | texts | st.none())


@settings(deadline=None, max_examples=50)
@given(st.lists(frames, max_size=8), st.lists(st.integers(0, 400), max_size=8))
def test_what_is_sent_arrives_however_it_is_cut(said: list[Frame], cuts: list[int]) -> None:
    data = b"".join(map(encode, said))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    decoder = Decoder()

    heard = [f for a, b in pairwise(edges) for f, _ in decoder.feed(data[a:b])]

    assert heard == said


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_waited_for_never_more(data: bytes) -> None:
    try:
        for frame, fds in Decoder().feed(data):
            assert isinstance(frame, dict)
            assert fds == []
    except ValueError:
        pass


@pytest.mark.parametrize(
    "body",
    [b"x", b"[]", b"1", b'{"fds":1}', b'{"fds":-1}', b'{"fds":"1"}', b"[" * 100_000, b"\xff", b""],
)
def test_a_frame_that_is_none_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        Decoder().feed(struct.pack(">I", len(body)) + body)


def test_a_frame_too_long_is_an_error_before_it_came() -> None:
    with pytest.raises(ValueError, match="a frame of"):
        Decoder().feed(struct.pack(">I", MAX_FRAME + 1))


def test_text_that_is_no_utf_8_arrives_as_it_was() -> None:
    path = os.fsdecode(b"/tmp/\xff\xfe")
    [(frame, _)] = Decoder().feed(encode({"op": "x", "cwd": path}))
    assert os.fsencode(frame["cwd"]) == b"/tmp/\xff\xfe"
    assert json.loads(json.dumps(frame)) == frame


def test_descriptors_arrive_with_their_frames_through_a_full_socket() -> None:
    """More than fits the socket, more than one message may carry."""
    left, right = map(Link, socket.socketpair())
    out, end = os.pipe()
    for number in range(600):
        fds: tuple[int, ...] = (out,) if number % 2 else ()
        left.send({"op": "x", "n": number, "pad": "x" * 1000}, fds)

    heard: list[tuple[Frame, list[int]]] = []
    while not left.flush() or right.readable():
        heard += right.receive()

    assert [frame["n"] for frame, _ in heard] == list(range(600))
    for frame, came in heard:
        assert len(came) == frame["n"] % 2
        for fd in came:
            assert os.fstat(fd).st_ino == os.fstat(out).st_ino
            assert not os.get_inheritable(fd)
            os.close(fd)
    left.close()
    assert right.receive() == []
    assert right.closed
    right.close()
    os.close(out)
    os.close(end)

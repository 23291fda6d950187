"""Which pipes are made larger: those that are found full again and again."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from proctor.core.model import ReplicaId
from proctor.logs.pipe import HOT_TURN, TURN, WINDOW, Pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    yield Pipe(ReplicaId("web", 0), 1, 0, read)
    os.close(read)
    os.close(write)


def size(pipe: Pipe) -> int:
    return fcntl.fcntl(pipe.fd, fcntl.F_GETPIPE_SZ)


def test_one_that_is_full_three_times_in_a_row_becomes_hot_however_many_there_are(
    pipe: Pipe,
) -> None:
    # Each is served every 20 ms only, because there are so many.
    assert [pipe.changes(TURN, at) for at in (1.00, 1.02, 1.04)] == [False, False, True]

    pipe.resize(HOT_TURN, 1.04)
    assert pipe.hot
    assert size(pipe) == HOT_TURN


def test_one_that_is_not_full_or_full_now_and_then_stays_as_it_is(pipe: Pipe) -> None:
    assert not any(pipe.changes(TURN - 1, 1 + n / 1000) for n in range(100))
    assert not any(pipe.changes(TURN, 10 + n / 10) for n in range(100))
    assert not any(pipe.changes((n % 3 > 0) * TURN or 100, 30 + n / 1000) for n in range(100))


def test_a_hot_one_that_brings_little_becomes_cold_again(pipe: Pipe) -> None:
    pipe.resize(HOT_TURN, 1.0)

    assert not pipe.changes(HOT_TURN, 1.0 + WINDOW / 2)
    assert not pipe.changes(100, 1.0 + WINDOW * 1.1)  # What came before was much.
    assert not pipe.changes(100, 1.0 + WINDOW * 1.5)
    assert pipe.changes(100, 1.0 + WINDOW * 2.5)

    pipe.resize(TURN, 1.0 + WINDOW * 2.5)
    assert not pipe.hot
    assert size(pipe) == TURN

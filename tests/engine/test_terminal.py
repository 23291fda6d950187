"""A terminal's bytes on their way to the log and to viewers; inputs that are not read."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Iterator

import pytest

from proctor.engine.inputs import Ended, Input, Inputs
from proctor.engine.terminal import MOST_WAITING, REPLAY, Terminal

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Ends:
    """A terminal with both its ends, and a pipe as its log."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.log, self.end = os.pipe()
        for fd in (self.master, self.end):
            os.set_blocking(fd, False)

    def close(self) -> None:
        for fd in (self.slave, self.log):
            os.close(fd)


@pytest.fixture
def ends() -> Iterator[Ends]:
    it = Ends()
    yield it
    it.close()


async def read(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await asyncio.to_thread(os.read, fd, size - len(data))
    return data


async def all_of(terminal: Terminal, size: int) -> bytes:
    """Return what a new viewer sees, until it is so much."""
    viewer, data = terminal.view(), b""
    while len(data) < size:
        data += await viewer.chunk() or pytest.fail("over")
    terminal.leave(viewer)
    return data


async def test_everything_goes_to_the_log_and_the_last_of_it_to_who_comes_later(
    ends: Ends,
) -> None:
    terminal = Terminal(ends.master, ends.end, lambda: None)
    data = os.urandom(3 * REPLAY)
    writing = asyncio.ensure_future(asyncio.to_thread(write_all, ends.slave, data))

    assert await read(ends.log, len(data)) == data

    await writing
    assert await all_of(terminal, REPLAY) == data[-REPLAY:]
    terminal.close()


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


async def test_a_full_log_holds_up_the_terminal_and_loses_nothing(ends: Ends) -> None:
    terminal = Terminal(ends.master, ends.end, lambda: None)
    data = os.urandom(200_000)
    writing = asyncio.ensure_future(asyncio.to_thread(write_all, ends.slave, data))
    await all_of(terminal, 65536)  # The pipe is full by then.

    done, _ = await asyncio.wait([writing], timeout=0.05)
    assert not done
    assert await read(ends.log, len(data)) == data
    await writing
    terminal.close()


async def test_who_does_not_look_is_dropped(ends: Ends) -> None:
    terminal = Terminal(ends.master, ends.end, lambda: None)
    viewer = terminal.view()
    data = bytes(MOST_WAITING + 1)
    writing = asyncio.ensure_future(asyncio.to_thread(write_all, ends.slave, data))
    await read(ends.log, len(data))
    await writing

    assert await viewer.chunk() is None
    assert viewer.too_slow
    terminal.close()


async def test_the_end_comes_when_nobody_has_it_open_and_all_is_read(ends: Ends) -> None:
    over = asyncio.Event()
    terminal = Terminal(ends.master, ends.end, over.set)
    viewer = terminal.view()
    os.write(ends.slave, b"last words")
    os.close(ends.slave)

    await over.wait()
    terminal.close()

    assert await viewer.chunk() == b"last words"
    assert await viewer.chunk() is None
    assert await read(ends.log, 10) == b"last words"
    ends.slave = os.open("/dev/null", os.O_RDONLY)


async def test_what_one_writes_is_not_mixed_with_anothers() -> None:
    out, end = os.pipe()
    os.set_blocking(end, False)
    input = Input(end)
    parts = [bytes([65 + n]) * 100_000 for n in range(3)]
    writers = [asyncio.ensure_future(input.write(part, 30.0)) for part in parts]

    assert await read(out, 300_000) == b"".join(parts)

    assert [await writer for writer in writers] == [100_000] * 3
    os.close(out)
    with pytest.raises(Ended):
        await input.write(b"x", 1.0)
    input.close()
    os.close(end)


async def test_closing_an_input_wakes_who_waits_for_room() -> None:
    shut: list[int] = []
    inputs = Inputs(shut.append)
    out, end = os.pipe()
    inputs.open(7, [end])
    input = inputs.of(7)
    assert input is not None
    writing = asyncio.ensure_future(input.write(bytes(100_000), 30.0))
    await asyncio.sleep(0)

    inputs.close(7)

    assert await writing == 65536
    assert (shut, inputs.of(7)) == ([7], None)
    inputs.close(7)
    os.close(out)

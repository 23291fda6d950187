"""What is written to runs: pipes of standard inputs, and terminals.

Rule: nothing here waits for a process that does not read, but for as long as the caller says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from .terminal import Terminal


class Ended(OSError):
    """Nobody reads it any more."""


class Input:
    """The end of a pipe, or a terminal, that is written to; what one writes is never mixed.

    The descriptor is non-blocking already, and not owned.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Future[None] | None = None
        self.closed = False

    async def write(self, data: bytes, timeout: float) -> int:
        """Write it; return how much was taken within `timeout` seconds.

        Raises Ended if nobody is there to read, with nothing written.
        """
        written = 0
        try:
            async with asyncio.timeout(timeout), self._turn:
                while written < len(data):
                    written += self._some(data[written:])
                    if written < len(data):
                        await self._room()
        except TimeoutError:
            pass
        except Ended:
            if not written:
                raise
        return written

    def _some(self, data: bytes) -> int:
        if self.closed:
            raise Ended
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Ended from error

    async def _room(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_writer(self._fd, _wake, self._waiting)
        try:
            await self._waiting
        finally:
            if not self.closed:
                loop.remove_writer(self._fd)

    def close(self) -> None:
        """Before the descriptor is closed: whoever writes is told that it has ended."""
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().remove_writer(self._fd)
            if self._waiting is not None:
                _wake(self._waiting)


class Inputs:
    """The inputs of the runs that have one, by run; `shut(run)` has the keeper let go of one."""

    def __init__(self, shut: Callable[[int], None]) -> None:
        self._shut = shut
        self._pipes: dict[int, tuple[int, Input]] = {}
        self._terminals: dict[int, tuple[Terminal, Input]] = {}

    def open(self, run: int, fds: Sequence[int]) -> None:
        """Take over what the keeper holds of a run's input: a pipe; or master and log's end."""
        for fd in fds:
            os.set_blocking(fd, False)
        if len(fds) == 1:
            self._pipes[run] = (fds[0], Input(fds[0]))
        else:
            master, log = fds
            terminal = Terminal(master, log, lambda: self._hung_up(run))
            self._terminals[run] = (terminal, Input(master))

    def of(self, run: int) -> Input | None:
        """Return what one can write to, None if there is nothing (any more)."""
        _, found = self._pipes.get(run) or self._terminals.get(run) or (None, None)
        return found

    def terminal(self, run: int) -> Terminal | None:
        found = self._terminals.get(run)
        return found[0] if found else None

    def close(self, run: int) -> None:
        """Let the run see the end of its input.  A terminal is told so as by Ctrl-D."""
        if run in self._pipes:
            fd, input = self._pipes.pop(run)
            input.close()
            os.close(fd)
            self._shut(run)

    def end(self, run: int) -> None:
        """Nothing of the run is left."""
        self.close(run)
        if run in self._terminals:
            self._terminals[run][0].finish()

    def release(self) -> None:
        """Let go of all; the keeper has them still."""
        for fd, input in self._pipes.values():
            input.close()
            os.close(fd)
        self._pipes.clear()
        for terminal, input in list(self._terminals.values()):
            input.close()
            terminal.close()
        self._terminals.clear()

    def _hung_up(self, run: int) -> None:
        terminal, input = self._terminals.pop(run)
        input.close()
        terminal.close()
        self._shut(run)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

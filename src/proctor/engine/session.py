"""Commands run in a task's surroundings for somebody who looks: exec, with or without a terminal.

They are no runs of the task: nothing of them is recorded, and they end with who asked for them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from proctor.core.model import Exit
from proctor.keeper.protocol import Frame

from .inputs import Input
from .terminal import CHUNK, set_size


class Session:
    """One such command.  `exit` is done when it has ended; `read` returns what it says.

    Owns the descriptors; `send` gives a frame to the keeper.
    """

    def __init__(self, number: int, send: Callable[[Frame], None]) -> None:
        self.number = number
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.input: Input | None = None
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send = send
        self._output = -1
        self._held = -1
        self._news = asyncio.Event()

    async def read(self) -> bytes:
        """Return what it wrote; empty: it has ended, or closed its output, and all is read."""
        loop = asyncio.get_running_loop()
        while self._output >= 0:
            try:
                return os.read(self._output, CHUNK)
            except BlockingIOError:
                if self.exit.done():
                    break
            except OSError:  # EIO: nobody has the terminal open.
                break
            self._news.clear()
            loop.add_reader(self._output, self._news.set)
            try:
                await self._news.wait()
            finally:
                loop.remove_reader(self._output)
        return b""

    def resize(self, rows: int, columns: int) -> None:
        if self._held >= 0 and self._held == self._output:
            set_size(self._held, rows, columns)

    def close_input(self) -> None:
        """Let it see the end of its input; a terminal is told so by Ctrl-D."""
        if self._held >= 0 and self._held != self._output:
            assert self.input is not None
            self.input.close()
            os.close(self._held)
            self._held = -1
            self._send({"op": "shut", "run": self.number})

    def take(self, frame: Frame, fds: list[int], exit_of: Callable[[Frame], Exit]) -> None:
        """Take in what the keeper says of it."""
        if fds:
            self._connect(fds)
        over = None
        match frame["op"]:
            case "failed":
                over = Exit(error=frame["what"])
            case "exited":
                over = exit_of(frame)
                if frame["left"]:
                    self._send({"op": "kill", "run": self.number})
            case "gone" | "lost":
                over = Exit()
        if not self.started.done():
            self.started.set_result(None)
        if over is not None and not self.exit.done():
            self.exit.set_result(over)
            self._news.set()

    def _connect(self, fds: list[int]) -> None:
        for fd in fds:
            os.set_blocking(fd, False)
        output, *held = fds
        if len(held) == 2:  # Of a terminal the log's pipe is not needed.
            for fd in (output, held[1]):
                os.close(fd)
            output = held[0]
        self._output = output
        self._held = held[0] if held else -1
        self.input = Input(self._held) if held else None

    def end(self) -> None:
        """Kill what is left of it, and forget it."""
        if self.input is not None:
            self.input.close()
        for fd in {self._output, self._held} - {-1}:
            os.close(fd)
        self._output = self._held = -1
        if not self.exit.done():
            self._send({"op": "kill", "run": self.number})
        self._send({"op": "ack", "runs": [self.number]})

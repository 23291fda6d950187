"""Commands beside the runs, run by the keeper as the task runs: checks, stop commands, sessions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from msgspec import Struct, field

from proctor.core.model import Exit
from proctor.keeper.protocol import Frame

from .session import Session

MOST_OUTPUT = 4096
"""Bytes of output that are kept: the last ones."""

FIRST = 1 << 31
"""Where the numbers of these runs begin; those of replicas stay below."""


class _Command(Struct):
    done: asyncio.Future[Exit]
    fd: int | None = None
    output: bytearray = field(default_factory=bytearray)


class Auxiliary:
    """The commands that run now, by number.  `send` gives a frame to the keeper."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._commands: dict[int, _Command] = {}
        self._sessions: dict[int, Session] = {}
        # A random beginning: what a manager before us left running has another mark.
        self._next = FIRST + (int.from_bytes(os.urandom(4)) >> 2)

    def knows(self, number: int) -> bool:
        return number in self._commands or number in self._sessions

    def number(self) -> int:
        """Return the number of the next command."""
        number, self._next = self._next, self._next + 1
        return number

    def begin(self, order: Frame, mark_base: int) -> Session:
        """Have `order` spawned for somebody who looks, until `end_session`."""
        session = Session(self.number(), self._send)
        self._sessions[session.number] = session
        self._send(_numbered(order, session.number, mark_base))
        return session

    def end_session(self, session: Session) -> None:
        del self._sessions[session.number]
        session.end()

    async def execute(self, order: Frame, mark_base: int, timeout: float) -> tuple[Exit, str]:
        """Have `order` spawned; return how it ended, and the end of what it printed."""
        number = self.number()
        command = _Command(asyncio.get_running_loop().create_future())
        self._commands[number] = command
        try:
            self._send(_numbered(order, number, mark_base))
            exit = await self._end_of(number, command, timeout)
            self._read(command)
            return exit, command.output.decode("utf-8", "replace")
        finally:
            del self._commands[number]
            self._close(command)
            self._send({"op": "ack", "runs": [number]})

    async def _end_of(self, number: int, command: _Command, timeout: float) -> Exit:
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(command.done)
        except TimeoutError:
            self._send({"op": "kill", "run": number})
            await command.done
            return Exit(error=f"no end within {timeout:g} s")

    def take(self, frame: Frame, fds: list[int], exit_of: Callable[[Frame], Exit]) -> None:
        """Take in what the keeper says of one of ours."""
        if session := self._sessions.get(frame["run"]):
            session.take(frame, fds, exit_of)
            return
        command = self._commands[frame["run"]]
        for fd in fds:
            command.fd = fd
            os.set_blocking(fd, False)
            asyncio.get_running_loop().add_reader(fd, self._read, command)
        over = None
        match frame["op"]:
            case "failed":
                over = Exit(error=frame["what"])
            case "exited":
                over = exit_of(frame)
                if frame["left"]:
                    self._send({"op": "kill", "run": frame["run"]})
            case "gone" | "lost":
                over = Exit()
        if over is not None and not command.done.done():
            command.done.set_result(over)

    def _read(self, command: _Command) -> None:
        while command.fd is not None:
            try:
                chunk = os.read(command.fd, 65536)
            except BlockingIOError:
                return
            if not chunk:
                self._close(command)
                return
            command.output = (command.output + chunk)[-MOST_OUTPUT:]

    def _close(self, command: _Command) -> None:
        if command.fd is not None:
            asyncio.get_running_loop().remove_reader(command.fd)
            os.close(command.fd)
            command.fd = None


def _numbered(order: Frame, number: int, mark_base: int) -> Frame:
    mark = mark_base | number
    env = order["env"] | {"PROCTOR_MARK": str(mark)}
    return order | {"run": number, "mark": mark, "env": env}

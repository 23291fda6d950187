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
    """`beside` is the replica's run.  `exit` is known while what it left behind is being killed."""

    done: asyncio.Future[Exit]
    beside: int
    lasting: bool
    exit: Exit | None = None
    over: bool = False
    fd: int | None = None
    output: bytearray = field(default_factory=bytearray)


class Auxiliary:
    """The commands that run now, by number.  `send` gives a frame to the keeper."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._commands: dict[int, _Command] = {}
        self._sessions: dict[int, Session] = {}
        self._held: dict[int, Callable[[], None]] = {}  # By the run that is over; see `outlives`.
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

    async def execute(
        self, order: Frame, mark_base: int, timeout: float, beside: int, *, lasting: bool
    ) -> tuple[Exit, str]:
        """Have `order` spawned; return how it ended, and the end of what it printed.

        It is over when nothing of it is left.  `lasting`: it has its time though `beside` is over.
        """
        number = self.number()
        command = _Command(asyncio.get_running_loop().create_future(), beside, lasting)
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

    def outlives(self, run: int, then: Callable[[], None]) -> bool:
        """Whether something beside the run, which is over, is left; `then` follows its end.

        So what is said to be down has left nothing alive.  Checks are killed.
        """
        beside = self._beside(run)
        for number, command in beside.items():
            if not command.lasting:
                self._send({"op": "kill", "run": number})
        if beside:
            self._held.setdefault(run, then)
        return bool(beside)

    def kill(self, run: int) -> None:
        """Kill whatever is beside the run."""
        for number in self._beside(run):
            self._send({"op": "kill", "run": number})

    def _beside(self, run: int) -> dict[int, _Command]:
        return {n: c for n, c in self._commands.items() if c.beside == run and not c.over}

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
        match frame["op"]:
            case "failed":
                self._over(command, Exit(error=frame["what"]))
            case "exited" if frame["left"]:
                command.exit = exit_of(frame)
                self._send({"op": "kill", "run": frame["run"]})
            case "exited":
                self._over(command, exit_of(frame))
            case "gone" | "lost":
                self._over(command, command.exit or Exit())

    def _over(self, command: _Command, exit: Exit) -> None:
        """Of a run that is over, that is told before what was found beside it: by then, nothing."""
        if command.over:
            return
        command.over, command.exit = True, exit
        told = [command]
        if command.beside in self._held:
            if self._beside(command.beside):
                return
            self._held.pop(command.beside)()
            told = [one for one in self._commands.values() if one.beside == command.beside]
        for one in told:
            if one.exit and not one.done.done():  # Who waits for it may have been cancelled.
                one.done.set_result(one.exit)

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

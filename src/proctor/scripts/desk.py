"""A script host's side of the conversation with the manager: which scripts run, and how they end.

Rule: what has ended is kept until the manager acknowledges it, and so is the read end of each
output pipe.  A manager may die at any moment; the next one is told everything anew.

The frames are those of keeper/protocol.py, over a Unix stream socket in the abstract namespace:

    host     hello  version mark       the first frame of each connection
    manager  hello                     the host answers with all it has, then `ready`
    manager  spawn  run script ...     answered by `spawned` or `failed`; see Order
    manager  signal run signal         end the script, as the signal would a process
    manager  kill   run                end it without asking
    manager  ack    runs               their ends are on record
    host     run | spawned  run  +1 fd the fd is the read end of its output
    host     failed  run what          the script could not be begun
    host     exited  run code signal error at
    host     gone    run               answers kill of an unknown run
    host     ready

Standard library only: the Python host runs this with whatever interpreter the user names.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from proctor.keeper.link import Link
from proctor.keeper.protocol import VERSION, Frame

RETRY = 0.5
"""Seconds between two attempts to reach a manager."""

_MARK_BITS = 32


class CannotBegin(Exception):
    """The script cannot be begun; the message is one line."""


class Loop(Protocol):
    """What the desk needs of an event loop: asyncio's and Melang's scheduler both have it."""

    def add_reader(self, fd: int, callback: Callable[[], None], /) -> object: ...
    def add_writer(self, fd: int, callback: Callable[[], None], /) -> object: ...
    def remove_reader(self, fd: int, /) -> object: ...
    def remove_writer(self, fd: int, /) -> object: ...


class Run:
    """One script that runs, or has ended and waits to be acknowledged.

    `output` is the write end of its pipe (-1 when closed), `fd` the read end.
    """

    __slots__ = ("asked", "end", "fd", "number", "output", "work")

    def __init__(self, number: int) -> None:
        self.number = number
        self.fd, self.output = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.fd, True)
        self.end: Frame | None = None
        self.asked = 0  # The signal by which it was asked to end.
        self.work: Any = None  # The host's: what runs it.

    def close(self) -> None:
        for fd in (self.fd, self.output):
            if fd >= 0:
                os.close(fd)
        self.fd = self.output = -1


class Stage(Protocol):
    """The part of a host that runs scripts.  Each run is ended by `Desk.ended`, once."""

    def begin(self, run: Run, order: Frame) -> None:
        """Start the script.  Raises CannotBegin."""

    def stop(self, run: Run, force: bool) -> None:
        """Have it end; `force`: without asking."""


class Desk:
    def __init__(self, loop: Loop, stage: Stage, mark: int, on_closed: Callable[[], None]) -> None:
        self.runs: dict[int, Run] = {}
        self._loop = loop
        self._stage = stage
        self._mark = mark
        self._address = hosts_address(mark >> _MARK_BITS << _MARK_BITS)
        self._on_closed = on_closed
        self._link: Link | None = None
        self._fd = -1
        self._writing = False

    @property
    def connected(self) -> bool:
        return self._link is not None

    def connect(self) -> bool:
        """Turn to the manager, if there is one; the keeper holds its socket in between."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(self._address)
        except OSError:
            sock.close()
            return False
        self._link, self._fd = Link(sock), sock.fileno()
        self._loop.add_reader(self._fd, self._on_readable)
        self._tell({"op": "hello", "version": VERSION, "mark": self._mark})
        return True

    def ended(self, run: Run, *, code: int | None, error: str | None) -> None:
        """A script is over: by its own end (`code`), or as it was asked to (None)."""
        if run.output >= 0:
            os.close(run.output)
            run.output = -1
        signal = run.asked if code is None else None
        end = {"run": run.number, "code": code, "signal": signal, "error": error, "at": time.time()}
        run.end = {"op": "exited", **end}
        self._tell(run.end)

    # From the manager

    def _on_readable(self) -> None:
        link = self._link
        assert link is not None
        try:
            frames = link.receive()
        except ValueError:
            frames, link.closed = [], True
        for frame, _ in frames:
            self._take(frame)
        if link.closed:
            self._hang_up(link)

    def _hang_up(self, link: Link) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._writing = False
        self._link = None
        for fd in link.close():
            os.close(fd)
        self._on_closed()

    def _take(self, frame: Frame) -> None:
        match frame["op"]:
            case "hello":
                for run in list(self.runs.values()):
                    self._describe("run", run)
                self._tell({"op": "ready"})
                tell_ready()
            case "spawn":
                self._spawn(frame)
            case "signal" | "kill":
                self._end(frame)
            case "ack":
                for number in frame["runs"]:
                    self._acknowledge(number)

    def _spawn(self, frame: Frame) -> None:
        number = frame["run"]
        if known := self.runs.get(number):
            self._describe("run", known)  # Asked twice: it is started exactly once.
            return
        try:
            run = Run(number)
        except OSError as error:
            self._failed(number, error.errno or errno.EIO, f"pipe: {error.strerror}")
            return
        self.runs[number] = run
        try:
            self._stage.begin(run, frame)
        except CannotBegin as error:
            del self.runs[number]
            run.close()
            self._failed(number, errno.ENOEXEC, str(error))
            return
        self._describe("spawned", run)

    def _failed(self, number: int, errno: int, what: str) -> None:
        self._tell({"op": "failed", "run": number, "errno": errno, "what": what})

    def _end(self, frame: Frame) -> None:
        run = self.runs.get(frame["run"])
        if run is None:
            self._tell({"op": "gone", "run": frame["run"]})
        elif run.end is None:
            force = frame["op"] == "kill"
            run.asked = 9 if force else run.asked or frame["signal"]
            self._stage.stop(run, force)

    def _acknowledge(self, number: int) -> None:
        run = self.runs.get(number)
        if run is not None and run.end is not None:
            del self.runs[number]
            run.close()

    # To the manager

    def _describe(self, op: str, run: Run) -> None:
        self._tell({"op": op, "run": run.number}, (run.fd,))
        if run.end is not None:
            self._tell(run.end)

    def _tell(self, frame: Frame, fds: tuple[int, ...] = ()) -> None:
        """Say it; when nobody is there it is said at the next hello."""
        if self._link is not None:
            self._link.send(frame, fds)
            self._flush()

    def _flush(self) -> None:
        assert self._link is not None
        full = not self._link.flush()
        if full != self._writing:
            self._writing = full
            if full:
                self._loop.add_writer(self._fd, self._flush)
            else:
                self._loop.remove_writer(self._fd)


def split_command(cmd: str) -> tuple[str | None, str]:
    """Return the file (None: it is a module's name) and the function in it."""
    if cmd.endswith(".py") or "/" in cmd:
        return cmd, "main"
    return None, cmd.partition(":")[2] or "main"


def hosts_address(mark_base: int) -> str:
    """Return where the manager of a state directory listens for its hosts."""
    return f"\0proctor/{mark_base:x}/hosts"


def raise_file_limit() -> None:
    """Allow as many descriptors as we may have: each script takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def tell_ready() -> None:
    """Tell the manager by sd_notify(3) that scripts can be run."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(b"READY=1", "\0" + address[1:] if address[0] == "@" else address)
            except OSError:
                pass  # It is told again at the next hello.

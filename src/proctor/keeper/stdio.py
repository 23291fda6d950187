"""The ends of a run's input and output: pipes, or a terminal.

Rule: whatever is made here is closed on exec; the child gets its ends by dup2.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from functools import partial
from typing import Any

from .program import NotSpawned, tried

PIPE = "pipe"
ROWS, COLUMNS = 24, 80  # Of a terminal that nobody looks at yet.


class Stdio:
    """What the child gets as `input`, `output` and `error`, and what is kept.

    `outs` are the read ends of what it writes: one of all, or one of its output and one of its
    errors.  `held` is the write end of its stdin's pipe; or of a terminal the master, and the write
    end of the pipe of its output: whoever holds the master writes there what the terminal says.
    `input` is -1 where it is no pipe and no terminal.
    """

    __slots__ = ("error", "held", "input", "output", "outs", "terminal")

    def __init__(self, *, terminal: bool = False) -> None:
        self.terminal = terminal
        self.outs: list[int] = []
        self.input = self.output = self.error = -1
        self.held: list[int] = []

    def give(self, uid: int) -> None:
        """Make the ends the child's own: it could not open /dev/stdin or /dev/stdout otherwise."""
        for fd in self._ends:
            os.fchown(fd, uid, -1)

    def started(self) -> None:
        """Close what only the child needs."""
        for fd in self._ends:
            os.close(fd)

    def failed(self) -> None:
        """Close what would have been kept."""
        for fd in (*self.outs, *self.held):
            os.close(fd)

    @property
    def _ends(self) -> set[int]:
        return {self.input, self.output, self.error} - {-1}


def make(order: dict[str, Any]) -> Stdio:
    """Return the ends that the order asks for.  Raises NotSpawned."""
    ends = Stdio(terminal=bool(order.get("tty")))
    try:
        if ends.terminal:
            _open_terminal(ends, order.get("size") or [ROWS, COLUMNS])
        else:
            _open_pipes(ends, order)
    except BaseException:
        ends.started()
        ends.failed()
        raise
    return ends


def _open_pipes(ends: Stdio, order: dict[str, Any]) -> None:
    out, ends.output = tried("pipe", _output_pipe)
    ends.outs.append(out)
    ends.error = ends.output
    if order.get("separate"):
        out, ends.error = tried("pipe", _output_pipe)
        ends.outs.append(out)
    if order.get("stdin") == PIPE:
        ends.input, end = tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
        ends.held.append(end)


def _open_terminal(ends: Stdio, size: list[int]) -> None:
    master, slave = tried("terminal", os.openpty)  # Both closed on exec.
    ends.held.append(master)
    ends.input = ends.output = ends.error = slave
    resize(master, *size)
    out, end = tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
    ends.outs.append(out)
    ends.held.append(end)


def resize(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def control(terminal: int) -> None:
    """In a new session: make the terminal the one that controls it."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def open_input(path: str) -> int:
    """Open a file as standard input.  A FIFO that nobody writes to must not hold us up."""
    fd: int = tried(
        f"stdin {path}", partial(os.open, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    )
    try:
        os.read(fd, 0)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise NotSpawned(errno.EISDIR, f"stdin {path}: is a directory") from error
    os.set_blocking(fd, True)
    return fd


def _output_pipe() -> tuple[int, int]:
    """Return (read end, the child's end).

    The child's end is open for reading too: with keeper and manager both dead it gets no SIGPIPE
    but waits.
    """
    out, end = os.pipe2(os.O_CLOEXEC)
    try:
        both = os.open(f"/proc/self/fd/{end}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return out, end  # No /proc: works, but for the SIGPIPE.
    except OSError:
        os.close(out)
        os.close(end)
        raise
    os.close(end)
    return out, both

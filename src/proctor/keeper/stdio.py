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
    """What the child gets as `input` and `output`, and what is kept.

    `out` is the read end of what it writes.  `held` is the write end of its stdin's pipe; or of a
    terminal the master, and the write end of the pipe `out`: whoever holds the master writes there
    what the terminal says.  `input` is -1 where it is no pipe and no terminal.
    """

    __slots__ = ("held", "input", "out", "output", "terminal")

    def __init__(self, terminal: bool, out: int, input: int, output: int, *held: int) -> None:
        self.terminal = terminal
        self.out = out
        self.input = input
        self.output = output
        self.held = list(held)

    def give(self, uid: int) -> None:
        """Make the ends the child's own: it could not open /dev/stdin or /dev/stdout otherwise."""
        for fd in {self.input, self.output} - {-1}:
            os.fchown(fd, uid, -1)

    def started(self) -> None:
        """Close what only the child needs."""
        for fd in {self.input, self.output} - {-1}:
            os.close(fd)

    def failed(self) -> None:
        """Close what would have been kept."""
        for fd in (self.out, *self.held):
            os.close(fd)


def make(order: dict[str, Any]) -> Stdio:
    """Return the ends that the order asks for.  Raises NotSpawned."""
    if order.get("tty"):
        return _terminal(order.get("size") or [ROWS, COLUMNS])
    out, output = tried("pipe", _output_pipe)
    if order.get("stdin") != PIPE:
        return Stdio(False, out, -1, output)
    try:
        input, end = tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
    except NotSpawned:
        os.close(out)
        os.close(output)
        raise
    return Stdio(False, out, input, output, end)


def _terminal(size: list[int]) -> Stdio:
    master, slave = tried("terminal", os.openpty)  # Both closed on exec.
    try:
        resize(master, *size)
        out, end = tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
    except BaseException:
        os.close(master)
        os.close(slave)
        raise
    return Stdio(True, out, slave, slave, master, end)


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

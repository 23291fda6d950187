"""One pipe that output comes through, and how much of it is taken at a time."""

from __future__ import annotations

import fcntl
import struct
import termios

from msgspec import Struct

from proctor.core.model import ReplicaId

from .replica import ReplicaLog

TURN = 64 << 10
HOT_TURN = 1 << 20
WINDOW = 0.01
_HOT_FROM = 256 << 10  # bytes in a window: 25 MiB/s
_COLD_BELOW = 64 << 10
# A user who is not privileged has 64 MiB for all pipes (pipe(7), pipe-user-pages-soft); behind
# that limit new pipes get 8 KiB, so the few hot ones must leave room.
MOST_HOT = 16
_INT = struct.Struct("i")


class Pipe(Struct):
    """The read end of a run's output.  `log` is None until there were bytes.

    `moved` bytes came in the window that began at `began` (monotonic seconds).
    """

    id: ReplicaId
    run: int
    stream: int
    fd: int
    log: ReplicaLog | None = None
    hot: bool = False
    began: float = 0.0
    moved: int = 0

    @property
    def turn(self) -> int:
        return HOT_TURN if self.hot else TURN

    def changes(self, moved: int, now: float) -> bool:
        """Count a turn that moved so many bytes; say whether the pipe has become hot, or cold."""
        if now - self.began < WINDOW:
            self.moved += moved
            return not self.hot and self.moved >= _HOT_FROM
        cold = self.hot and self.moved < _COLD_BELOW
        self.began = now
        self.moved = moved
        return cold

    def resize(self, *, hot: bool) -> None:
        """Make its buffer 1 MiB, or 64 KiB again, if the kernel allows it."""
        self.hot = hot
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, self.turn)
        except OSError:
            pass  # EPERM: the user's share is used up; EBUSY: it holds more than 64 KiB now

    def waiting(self) -> int:
        """Return how many bytes are in the pipe."""
        size: int = _INT.unpack(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(_INT.size)))[0]
        return size

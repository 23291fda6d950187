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
WARM_TURN = 512 << 10
_FULL_TURNS, _AT_ONCE = 3, 0.05
WINDOW = 0.1
_COLD_BELOW = 256 << 10  # bytes in a window: 2.5 MiB/s
# A user who is not privileged has 64 MiB for all pipes (pipe(7), pipe-user-pages-soft); behind
# that limit new pipes get 8 KiB, so the few hot ones must leave room: these take 40 MiB.
MOST_HOT, MOST_WARM = 16, 48
_INT = struct.Struct("i")


class Pipe(Struct):
    """The read end of a run's output.  `log` is None until there were bytes.

    `turn` is how much is taken at a time: its size.  One that is found full again and again is
    made larger (`hot`): who writes there waits for us, and with many such pipes for long.
    `moved` bytes came in the window that began at `began` (monotonic seconds), `full` turns in a
    row were full.
    """

    id: ReplicaId
    run: int
    stream: int
    fd: int
    log: ReplicaLog | None = None
    turn: int = TURN
    began: float = 0.0
    moved: int = 0
    full: int = 0

    @property
    def hot(self) -> bool:
        return self.turn > TURN

    def changes(self, moved: int, now: float) -> bool:
        """Count a turn that moved so many bytes; say whether the pipe has become hot, or cold."""
        if self.hot:
            return self._cools(moved, now)
        if moved < TURN:
            self.full = 0
            return False
        self.full = self.full + 1 if now - self.began < _AT_ONCE else 1
        self.began = now
        return self.full >= _FULL_TURNS

    def _cools(self, moved: int, now: float) -> bool:
        if now - self.began < WINDOW:
            self.moved += moved
            return False
        cold = self.moved < _COLD_BELOW
        self.began, self.moved = now, moved
        return cold

    def resize(self, turn: int, now: float) -> None:
        """Make its buffer so large, if the kernel allows it."""
        self.turn = turn
        self.began, self.moved, self.full = now, _COLD_BELOW, 0
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, self.turn)
        except OSError:
            pass  # EPERM: the user's share is used up; EBUSY: it holds more than 64 KiB now

    def waiting(self) -> int:
        """Return how many bytes are in the pipe."""
        size: int = _INT.unpack(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(_INT.size)))[0]
        return size

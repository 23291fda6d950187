"""One pipe that output comes through, and how much of it is taken at a time."""

from __future__ import annotations

import fcntl
import struct
import termios
from dataclasses import dataclass

from proctor.core.model import ReplicaId

from .replica import ReplicaLog

TURN = 64 << 10
HOT_TURN = 1 << 20
_HOT_AFTER = 8
_COLD_AFTER = 64
# A user who is not privileged has 64 MiB for all pipes (pipe(7), pipe-user-pages-soft); behind
# that limit new pipes get 8 KiB, so the few hot ones must leave room.
MOST_HOT = 16
_INT = struct.Struct("i")


@dataclass(slots=True, eq=False)
class Pipe:
    """The read end of a run's output.  `log` is None until there were bytes.

    `streak` counts turns in a row that were full, or, of a hot pipe, small.
    """

    id: ReplicaId
    run: int
    stream: int
    fd: int
    log: ReplicaLog | None = None
    hot: bool = False
    streak: int = 0

    @property
    def turn(self) -> int:
        return HOT_TURN if self.hot else TURN

    def changes(self, moved: int) -> bool:
        """Count a turn that moved so many bytes; say whether the pipe has become hot, or cold."""
        if self.hot:
            self.streak = self.streak + 1 if moved < TURN // 4 else 0
            return self.streak >= _COLD_AFTER
        self.streak = self.streak + 1 if moved >= TURN else 0
        return self.streak >= _HOT_AFTER

    def resize(self, *, hot: bool) -> None:
        """Make its buffer 1 MiB, or 64 KiB again, if the kernel allows it."""
        self.hot = hot
        self.streak = 0
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, self.turn)
        except OSError:
            pass  # EPERM: the user's share is used up; EBUSY: it holds more than 64 KiB now

    def waiting(self) -> int:
        """Return how many bytes are in the pipe."""
        size: int = _INT.unpack(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(_INT.size)))[0]
        return size

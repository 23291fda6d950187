"""The past of a replica's figures, in bounded space."""

from __future__ import annotations

import struct
from typing import NamedTuple

FINE_STEP, FINE_COUNT = 2.0, 300
COARSE_STEP, COARSE_COUNT = 60.0, 1440


class Point(NamedTuple):
    """The figures of one step that begins at `at` (wall seconds).

    `cpu` is the mean number of CPUs in use; the others are the most that was seen, `rss` in bytes.
    """

    at: float
    cpu: float
    rss: int
    threads: int
    fds: int


_ROW = struct.Struct("=IfIII")  # The step's number, cpu, KiB, threads, descriptors.


class Ring:
    """The last `count` steps of `step` seconds of which there are figures; 20 bytes each.

    Steps in which nothing was sampled take no room, and are not shown.
    """

    __slots__ = ("_at", "_rows", "_tick", "count", "step")

    def __init__(self, step: float, count: int) -> None:
        self.step = step
        self.count = count
        self._rows = bytearray()
        self._tick = -1
        self._at = 0  # Where the newest row is.

    def add(self, tick: int, cpu: float, rss: int, threads: int, fds: int) -> None:
        """Add the figures of step `tick`, in the place of the newest ones if they are of it too."""
        if tick != self._tick:
            self._advance()
            self._tick = tick
        _ROW.pack_into(self._rows, self._at, tick, cpu, rss >> 10, threads, fds)

    def _advance(self) -> None:
        if len(self._rows) < self.count * _ROW.size:
            self._at = len(self._rows)
            self._rows.extend(bytes(_ROW.size))
        else:
            self._at = (self._at + _ROW.size) % len(self._rows)

    def points(self, since: float) -> list[Point]:
        """Return the points that begin at `since` or later, the oldest first."""
        oldest = self._at + _ROW.size
        rows = self._rows[oldest:] + self._rows[:oldest]
        return [
            Point(tick * self.step, round(cpu, 4), kib << 10, threads, fds)
            for tick, cpu, kib, threads, fds in _ROW.iter_unpack(rows)
            if tick * self.step >= since
        ]


class Series:
    """Ten minutes in steps of 2 s and a day in steps of a minute, of one replica."""

    __slots__ = ("_count", "_cpu", "_fds", "_rss", "_threads", "_tick", "coarse", "fine")

    def __init__(self) -> None:
        self.fine = Ring(FINE_STEP, FINE_COUNT)
        self.coarse = Ring(COARSE_STEP, COARSE_COUNT)
        self._rss = self._threads = self._fds = 0
        self._begin(-1)

    def add(self, point: Point) -> None:
        """Take the figures of a moment.  Once a replica and sweep: written to be quick."""
        at, cpu, rss, threads, fds = point
        self.fine.add(int(at // FINE_STEP), cpu, rss, threads, fds)
        tick = int(at // COARSE_STEP)
        if tick != self._tick:
            self._end()
            self._begin(tick)
        self._count += 1
        self._cpu += cpu
        if rss > self._rss:
            self._rss = rss
        if threads > self._threads:
            self._threads = threads
        if fds > self._fds:
            self._fds = fds

    def last_day(self, since: float) -> list[Point]:
        """Return the points of the coarse ring, and the minute that goes on."""
        rest = [Point(self._tick * COARSE_STEP, *self._minute())] if self._count else []
        return [*self.coarse.points(since), *(p for p in rest if p.at >= since)]

    def _begin(self, tick: int) -> None:
        """Begin a minute: what its points come to is summed up."""
        self._tick = tick
        self._count = 0
        self._cpu = 0.0
        self._rss = self._threads = self._fds = 0

    def _end(self) -> None:
        if self._count:
            self.coarse.add(self._tick, *self._minute())

    def _minute(self) -> tuple[float, int, int, int]:
        return self._cpu / self._count, self._rss, self._threads, self._fds

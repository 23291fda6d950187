"""The past of a replica's figures, in bounded space."""

from __future__ import annotations

from array import array
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


class Ring:
    """The last `count` steps of `step` seconds of which there are figures; 20 bytes each.

    Steps in which nothing was sampled take no room, and are not shown.
    """

    __slots__ = ("_cpu", "_fds", "_next", "_rss", "_threads", "_tick", "count", "step")

    def __init__(self, step: float, count: int) -> None:
        self.step = step
        self.count = count
        self._tick = array("I")
        self._cpu = array("f")
        self._rss = array("I")  # KiB
        self._threads = array("I")
        self._fds = array("I")
        self._next = 0

    def add(self, point: Point) -> None:
        """Add a point, or put it in the place of one of the same step."""
        tick = int(point.at // self.step)
        if self._tick and self._tick[self._next - 1] == tick:  # Before full, -1: the last.
            self._set((self._next - 1) % len(self._tick), tick, point)
        elif len(self._tick) < self.count:
            for column in (self._tick, self._rss, self._threads, self._fds):
                column.append(0)
            self._cpu.append(0.0)
            self._set(len(self._tick) - 1, tick, point)
        else:
            self._set(self._next, tick, point)
            self._next = (self._next + 1) % self.count

    def _set(self, i: int, tick: int, point: Point) -> None:
        self._tick[i] = tick
        self._cpu[i] = point.cpu
        self._rss[i] = point.rss >> 10
        self._threads[i] = point.threads
        self._fds[i] = point.fds

    def points(self, since: float) -> list[Point]:
        """Return the points that begin at `since` or later, the oldest first."""
        size = len(self._tick)
        order = ((self._next + i) % size for i in range(size))
        found = (
            Point(
                self._tick[i] * self.step,
                round(self._cpu[i], 4),
                self._rss[i] << 10,
                self._threads[i],
                self._fds[i],
            )
            for i in order
        )
        return [point for point in found if point.at >= since]


class Series:
    """Ten minutes in steps of 2 s and a day in steps of a minute, of one replica."""

    __slots__ = ("_minute", "coarse", "fine")

    def __init__(self) -> None:
        self.fine = Ring(FINE_STEP, FINE_COUNT)
        self.coarse = Ring(COARSE_STEP, COARSE_COUNT)
        self._minute: list[Point] = []

    def add(self, point: Point) -> None:
        self.fine.add(point)
        if self._minute and self._minute[0].at // COARSE_STEP != point.at // COARSE_STEP:
            self.coarse.add(merged(self._minute))
            self._minute = []
        if len(self._minute) < COARSE_STEP:  # A clock that stands still must not fill memory.
            self._minute.append(point)

    def last_day(self, since: float) -> list[Point]:
        """Return the points of the coarse ring, and the minute that goes on."""
        rest = [merged(self._minute)] if self._minute else []
        return [*self.coarse.points(since), *(p for p in rest if p.at >= since)]


def merged(points: list[Point]) -> Point:
    """Return the one point that stands for those of a minute."""
    return Point(
        points[0].at // COARSE_STEP * COARSE_STEP,
        sum(point.cpu for point in points) / len(points),
        max(point.rss for point in points),
        max(point.threads for point in points),
        max(point.fds for point in points),
    )

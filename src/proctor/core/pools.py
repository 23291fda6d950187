"""Who waits for a slot of a pool, and who gets the next one."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """A task's place in a queue: the highest priority first, then who came first."""

    rank: int
    turn: int
    task: str


class Pools:
    """The slots of each pool, and a queue of tasks for each; a pool without slots has no bound.

    A heap may hold places that were given up since: the dict is the truth.
    """

    def __init__(self) -> None:
        self.slots: Mapping[str, int] = {}
        self._heaps: dict[str, list[Place]] = {}
        self._places: dict[str, tuple[str, Place]] = {}
        self._count = 0

    def enter(self, task: str, pool: str, priority: int) -> None:
        """Give the task a place, or a new one if it is ranked otherwise by now."""
        before = self._places.get(task)
        if before is not None and (before[0], before[1].rank) == (pool, -priority):
            return
        self._count += 1
        place = Place(-priority, self._count, task)
        self._places[task] = pool, place
        heapq.heappush(self._heaps.setdefault(pool, []), place)

    def leave(self, task: str) -> None:
        self._places.pop(task, None)

    def first(self, pool: str) -> str | None:
        """Return the task whose turn it is; it keeps its place."""
        heap = self._heaps.get(pool, [])
        while heap and self._places.get(heap[0].task) != (pool, heap[0]):
            heapq.heappop(heap)
        return heap[0].task if heap else None

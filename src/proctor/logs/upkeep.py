"""What time does to segments that are not written any more: they are compressed, and dropped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from . import files
from .catalogue import Catalogue, Closed
from .packer import Packer
from .rotation import Limits, Segment

CHORES = 60.0
LEAST_PACKED = 32 << 10


class Lot(Struct, frozen=True):
    """A closed segment as it is judged; `newest` of its replica, which may be written on."""

    segment: Segment
    limits: Limits
    newest: bool


class Fate(Struct, frozen=True):
    """What is to be done with it now, or in how many seconds it has to be looked at again."""

    drop: bool = False
    pack: bool = False
    again: float = math.inf


def judged(lot: Lot, now: float, rest: float) -> Fate:
    """Decide; `rest` is for how many seconds a segment is left alone before it is compressed."""
    age = max(0.0, now - lot.segment.modified)
    left = math.inf if lot.limits.max_age is None else lot.limits.max_age - age
    if left <= 0:
        return Fate(drop=True)
    packable = lot.limits.compress and not lot.newest and lot.segment.packed is None
    if not packable or lot.segment.size < LEAST_PACKED:
        return Fate(again=left)
    return Fate(pack=True, again=left) if age >= rest else Fate(again=min(left, rest - age))


class Upkeep:
    """Does chores in the writer's thread, at most every `interval` seconds.

    Rule: `due` (monotonic) is None only if nothing would be done however long one waits; closing
    a segment makes it due again.  `order` has a function called in the thread.
    """

    def __init__(
        self,
        root: Path,
        catalogue: Catalogue,
        limits_of: Callable[[ReplicaId], Limits],
        order: Callable[[Callable[[], None]], object],
        interval: float,
    ) -> None:
        self._root = root
        self._catalogue = catalogue
        self._limits_of = limits_of
        self._order = order
        self._packer = Packer(self._on_packed)
        self._packing: dict[int, Closed] = {}
        self.interval = interval
        # What was left by another service, however quiet this one is.
        self.due: float | None = time.monotonic() + interval

    def work(self) -> None:
        if not self._catalogue.scanned:
            self._catalogue.scan()
        now, again = time.time(), math.inf
        for closed, lot in self._lots(self._catalogue.settled()):
            fate = judged(lot, now, self.interval)
            again = min(again, fate.again)
            if fate.drop:
                self._catalogue.drop(closed)
            elif fate.pack and not closed.tried:
                closed.tried = True
                self._packing[id(closed)] = closed
                self._packer.pack(self._root, closed.id, closed.segment, id(closed))
        wait = max(self.interval, again)
        self.due = None if wait == math.inf else time.monotonic() + wait

    def wake(self) -> None:
        """A segment was closed."""
        if self.due is None:
            self.due = time.monotonic() + self.interval

    def _lots(self, settled: Sequence[Closed]) -> Iterable[tuple[Closed, Lot]]:
        limits: dict[ReplicaId, Limits] = {}
        for closed, following in pairwise([*settled, None]):
            assert closed is not None
            if closed.id not in limits:
                limits[closed.id] = self._limits_of(closed.id)
            newest = following is None or following.id != closed.id
            yield closed, Lot(closed.segment, limits[closed.id], newest)

    def close(self) -> None:
        self._packer.close()

    def _on_packed(self, key: int, size: int) -> None:
        """In the packer's thread: the compressed file lies there under its temporary name."""
        self._order(lambda: self._replace(self._packing.pop(key), size))

    def _replace(self, closed: Closed, size: int) -> None:
        """Let the compressed file take the place of the plain one; -1: there is none."""
        if size < 0:
            return
        try:
            if closed.listed and size < closed.segment.size:
                files.replace_by_packed(self._root, closed.id, closed.segment)
                self._catalogue.packed(closed, size)
            else:
                files.remove_packed(self._root, closed.id, closed.segment)
        except OSError:
            pass  # the plain one stays

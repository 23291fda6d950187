"""Begins and ends of runs, put between the lines they belong between.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from msgspec import Struct

from proctor.core.model import ReplicaId

from .lines import Line
from .reader import RunRange


class Marker(Struct, frozen=True):
    """A run began or, if `ends`, ended at `time` (wall seconds)."""

    run: int
    ends: bool
    time: float
    text: str

    @property
    def rank(self) -> tuple[int, bool]:
        """Their order in the log of one replica, whose runs follow each other."""
        return self.run, self.ends


Found = tuple[float, ReplicaId, Line | Marker]
"""What to sort by when replicas are put together: about when it came."""


def placed(
    id: ReplicaId, lines: Iterable[Line], markers: Sequence[Marker], ranges: Sequence[RunRange]
) -> Iterator[Found]:
    """Yield the lines of a replica with the markers between them, in the order of the log.

    Times do not decide: those of lines are when we read them, which may be later than the exit of
    who wrote them, and those of begins are when we heard of it.  What a run wrote lies between its
    markers; `ranges` say where that is.
    """
    due = sorted((_position(marker, ranges), *marker.rank, marker) for marker in markers)
    latest, at = -math.inf, 0
    for line in chain(lines, [None]):
        while at < len(due) and (line is None or due[at][0] <= line.offset):
            marker = due[at][-1]
            at += 1
            earliest = marker.time if line is None or marker.ends else line.time
            latest = max(latest, min(marker.time, earliest))
            yield latest, id, marker
        if line is not None:
            latest = max(latest, line.time)
            yield latest, id, line


def _position(marker: Marker, ranges: Sequence[RunRange]) -> float:
    """Return the offset that it stands before; a run that wrote nothing stands before the next."""
    own = [part for part in ranges if part.run == marker.run]
    if own:
        return own[-1].stop if marker.ends else own[0].start
    return min((part.start for part in ranges if part.run > marker.run), default=math.inf)

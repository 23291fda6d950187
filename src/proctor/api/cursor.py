"""How far somebody who follows logs has come, as a text: the id of a server-sent event.  Pure.

    SINCE,web:0@512.17.1,api:3@90.18.0

`web:0` was sent up to offset 512, and its markers up to the end (1) of run 17.  Of a replica that
is not named everything is missing that was written later than SINCE (wall seconds).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from proctor.core.model import ReplicaId

Rank = tuple[int, bool]
NONE: Rank = (0, False)
_PLACE = re.compile(r"(.+):([0-9]{1,9})@([0-9]{1,18})\.([0-9]{1,18})\.([01])")
_SINCE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


class Place(Struct, frozen=True):
    """In the log of one replica: the offset of the next byte, and the rank of the last marker."""

    offset: int
    mark: Rank = NONE


class Cursor(Struct, frozen=True):
    since: float
    places: Mapping[ReplicaId, Place]


def encode(since: float, places: Mapping[ReplicaId, Place]) -> str:
    parts = [f"{since:.6f}"]
    for id, place in places.items():
        run, ends = place.mark
        parts.append(f"{id}@{place.offset}.{run}.{int(ends)}")
    return ",".join(parts)


def parse(text: str) -> Cursor | None:
    """Return what `encode` was given, None if the text is none of its."""
    since, *parts = text.split(",")
    found = [_PLACE.fullmatch(part) for part in parts]
    if not _SINCE.fullmatch(since):
        return None
    places = {}
    for match in found:
        if match is None:
            return None
        task, index, offset, run, ends = match.groups()
        places[ReplicaId(task, int(index))] = Place(int(offset), (int(run), ends == "1"))
    return Cursor(float(since), places)

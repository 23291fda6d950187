"""Pages of the logs of several replicas: so many lines before or behind a place.

Rule 1: pages that follow each other have no gap and no repeat, because each begins at the places
where the other ended, one of each replica.  Rule 2: what a page costs is bounded by BYTES,
whatever is looked for: it may come back with few lines, or none, and a place to go on from.
Rule 3: of all replicas together a page covers the same time, so that pages are in order too.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId
from proctor.logs import reader
from proctor.logs.index import INTERVAL, Record
from proctor.logs.lines import Line
from proctor.logs.markers import Marker
from proctor.logs.search import Source, Wanted, line_begin, search

from .cursor import NONE, Place, Rank

BYTES, BYTES_FILTERED = 256 << 10, 8 << 20
"""How much of the logs one page covers at most, but for a line that is longer."""
LEAST = 4 << 10
HALVINGS, HALVINGS_OF_MANY, MANY = 24, 12, 32
"""How exactly a share of several logs is found; each step looks into all of them."""

Places = Mapping[ReplicaId, Place]


class Log(Struct, frozen=True):
    """Of a replica, what pages are made of: the bytes from `first` to `stop`, and the markers."""

    id: ReplicaId
    first: int
    stop: int
    markers: tuple[Marker, ...] = ()


class Step(Struct, frozen=True):
    """A line or a marker, with the places before and behind it; `key` is about when it came."""

    key: float
    id: ReplicaId
    one: Line | Marker
    before: Place
    after: Place


class Page(Struct, frozen=True):
    steps: Sequence[Step]
    before: Places
    after: Places


class Part(Struct, frozen=True):
    """What a page takes of one log: what is between two places."""

    log: Log
    begin: Place
    end: Place


def backwards(root: Path, logs: Sequence[Log], at: Places, wanted: Wanted, limit: int) -> Page:
    """Return the last `limit` lines before these places, the oldest first."""
    share = _share(logs, wanted)
    lows = {log.id: _low(root, log, at[log.id].offset - share, at[log.id].offset) for log in logs}
    open = [log for log in logs if log.first < lows[log.id]]
    times = {log.id: _time(root, log.id, lows[log.id]) for log in open}
    time = max(times.values(), default=-math.inf)
    parts = []
    for log in logs:
        low, end = lows[log.id], at[log.id]
        if times.get(log.id) != time and time > -math.inf:
            low = max(low, min(end.offset, _since(root, log, time)))
        begin = Place(low, min(end.mark, mark_at(root, log, low, time)))
        parts.append(Part(log, begin, end))
    found = _merged(root, parts, wanted)
    if len(found) < limit:
        return Page(found, {part.log.id: part.begin for part in parts}, at)
    left, steps = found[:-limit], found[-limit:]
    firsts = {step.id: step.before for step in reversed(steps)}
    lasts = {step.id: step.after for step in left}
    begins = {}
    for part in parts:
        id, place = part.log.id, part.end
        if wanted.filters and id not in firsts:
            place = _between(
                lasts.get(id, part.begin), at_time(root, part.log, steps[0].key), place
            )
        begins[id] = firsts.get(id, place)
    return Page(steps, begins, at)


def forwards(root: Path, logs: Sequence[Log], at: Places, wanted: Wanted, limit: int) -> Page:
    """Return the first `limit` lines behind these places."""
    share = _share(logs, wanted)
    highs = {log.id: _high(root, log, at[log.id].offset, share) for log in logs}
    open = [log for log in logs if highs[log.id] < log.stop]
    times = {log.id: _time(root, log.id, highs[log.id]) for log in open}
    time = min(times.values(), default=math.inf)
    parts = []
    for log in logs:
        high, begin = highs[log.id], at[log.id]
        if times.get(log.id) != time and time < math.inf:
            high = min(high, max(begin.offset, _since(root, log, time)))
        end = Place(high, max(begin.mark, mark_at(root, log, high, time)))
        parts.append(Part(log, begin, end))
    found = _merged(root, parts, wanted)
    if len(found) < limit:
        return Page(found, at, {part.log.id: part.end for part in parts})
    steps, left = found[:limit], found[limit:]
    lasts = {step.id: step.after for step in steps}
    firsts = {step.id: step.before for step in reversed(left)}
    ends = {}
    for part in parts:
        id, place = part.log.id, part.begin
        if wanted.filters and id not in lasts:
            place = _between(
                place, at_time(root, part.log, steps[-1].key), firsts.get(id, part.end)
            )
        ends[id] = lasts.get(id, place)
    return Page(steps, at, ends)


def _between(low: Place, place: Place, high: Place) -> Place:
    return min(max(low, place, key=_order), high, key=_order)


def _order(place: Place) -> tuple[int, Rank]:
    return place.offset, place.mark


def _share(logs: Sequence[Log], wanted: Wanted) -> int:
    return max(LEAST, (BYTES_FILTERED if wanted.filters else BYTES) // max(1, len(logs)))


def _low(root: Path, log: Log, offset: int, end: int) -> int:
    """Return where the line begins that `offset` is in, within the log and before `end`."""
    if offset <= log.first:
        return min(log.first, end)
    return max(log.first, line_begin(root, log.id, offset))


def _high(root: Path, log: Log, offset: int, share: int) -> int:
    """Return where the last line ends that begins and ends within `share` bytes, or the first."""
    if offset + share >= log.stop:
        return max(offset, log.stop)
    while offset + share < log.stop:
        found = reader.last_newline(root, log.id, offset, offset + share)
        if found is not None:
            return found + 1
        share *= 2
    return log.stop


def _record(root: Path, id: ReplicaId, offset: int) -> Record | None:
    """Return the record of the byte at this offset, None if there is no such byte."""
    span = next(reader.index_spans(root, id, offset), None)
    return span.record if span is not None else None


def _time(root: Path, id: ReplicaId, offset: int) -> float:
    record = _record(root, id, offset)
    return record.time if record is not None else math.inf


def _since(root: Path, log: Log, time: float) -> int:
    offset = min(log.stop, reader.since(root, log.id, time))
    return max(log.first, line_begin(root, log.id, offset))


def mark_at(root: Path, log: Log, offset: int, time: float) -> Rank:
    """Return the rank of the last marker that stands before this offset and this moment.

    What stands between the lines of two runs is told by time; between lines of one run, nothing
    does.  With an infinite time: all (or none) of those that no line decides about.
    """
    lowest = NONE
    if offset > log.first:
        before = _record(root, log.id, offset - 1)
        lowest = (before.run, False) if before is not None else NONE
    known = [mark.rank for mark in log.markers if mark.time < time]
    timely = max(known, default=NONE)
    if offset < log.stop:
        following = _record(root, log.id, offset)
        if following is not None and following.run:
            timely = min(timely, (following.run, False))
    return max(lowest, timely)


def _merged(root: Path, parts: Iterable[Part], wanted: Wanted) -> list[Step]:
    return list(heapq.merge(*(_steps(root, part, wanted) for part in parts), key=attrgetter("key")))


def _steps(root: Path, part: Part, wanted: Wanted) -> Iterator[Step]:
    """Yield the lines of a part with the markers between them, in the order of the log."""
    log, place, latest = part.log, part.begin, -math.inf
    due = [m for m in log.markers if part.begin.mark < m.rank <= part.end.mark]
    due.sort(key=attrgetter("rank"), reverse=True)
    source = Source(log.id, start=part.begin.offset, stop=part.end.offset)
    for _, _, line in search(root, [source], wanted):
        assert isinstance(line, Line)
        while due and due[-1].rank <= (line.run, False):
            marker = due.pop()
            time = marker.time if marker.ends else min(marker.time, line.time)
            latest = max(latest, time)
            place, before = Place(place.offset, marker.rank), place
            yield Step(latest, log.id, marker, before, place)
        latest = max(latest, line.time)
        # What is between two lines that match is before the second, not behind the first.
        mark = max(place.mark, (line.run, False))
        before = Place(max(place.offset, line.offset), mark)
        place = Place(max(place.offset, line.offset + len(line.text)), mark)
        yield Step(latest, log.id, line, before, place)
    while due:
        marker = due.pop()
        latest = max(latest, marker.time)
        place, before = Place(place.offset, marker.rank), place
        yield Step(latest, log.id, marker, before, place)


# Places to begin from.


def at_begin(logs: Iterable[Log]) -> Places:
    return {log.id: Place(log.first) for log in logs}


def at_end(root: Path, logs: Iterable[Log]) -> Places:
    return {log.id: Place(log.stop, mark_at(root, log, log.stop, math.inf)) for log in logs}


def at_time(root: Path, log: Log, time: float) -> Place:
    """Return the place before what came at `time` (wall seconds) or later."""
    offset = _since(root, log, time)
    return Place(offset, mark_at(root, log, offset, time))


def at_share(root: Path, logs: Sequence[Log], share: float) -> Places:
    """Return the places that have this share (0 to 1) of all bytes before them."""
    if share <= 0:
        return at_begin(logs)
    if share >= 1:
        return at_end(root, logs)
    if len(logs) == 1:
        log = logs[0]
        offset = _low(root, log, log.first + round(share * (log.stop - log.first)), log.stop)
        return {log.id: Place(offset, mark_at(root, log, offset, -math.inf))}
    time = _time_of_share(root, logs, share)
    return {log.id: at_time(root, log, time) for log in logs}


def _time_of_share(root: Path, logs: Sequence[Log], share: float) -> float:
    written = [log for log in logs if log.first < log.stop]
    bytes = share * sum(log.stop - log.first for log in written)
    early = min((_time(root, log.id, log.first) for log in written), default=0.0)
    late = max((_time(root, log.id, log.stop - 1) for log in written), default=0.0)
    for _ in range(HALVINGS if len(written) <= MANY else HALVINGS_OF_MANY):
        if late - early < INTERVAL:
            break
        time = (early + late) / 2
        before = sum(
            max(log.first, reader.since(root, log.id, time)) - log.first for log in written
        )
        early, late = (early, time) if before > bytes else (time, late)
    return early


def extent(
    root: Path, id: ReplicaId, first_run: int, run: int | None, stop: int
) -> tuple[int, int]:
    """Return the offsets between which the lines of a run are, or those from a first run on."""
    first = reader.from_run(root, id, run or first_run) if run or first_run else 0
    first = max(first, reader.bounds(root, id)[0])
    if run is not None:
        own = [part for part in reader.run_ranges(root, id, first) if part.run == run]
        first = own[0].start if own else stop
        stop = min(stop, own[-1].stop) if own else stop
    return min(first, stop), stop

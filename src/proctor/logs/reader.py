"""Reading logs by path alone: needs no writer, and does not disturb one.

Offsets are logical: a replica's first byte ever has 0, and keeps it.  What rotation removes while
it is being read is skipped.  A log that is not there is empty.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from . import files, pack
from .index import INTERVAL, Record, Records, Span, first_since, spans
from .rotation import Segment, without_overlap

CHUNK = 256 << 10
_NEARBY = 4 << 10


class RunRange(Struct, frozen=True):
    """Bytes `start` to `stop` (exclusive) are of `run`; `began` and `ended` are wall seconds.

    A run whose bytes alternate with another's has several.
    """

    run: int
    start: int
    stop: int
    began: float
    ended: float


class Gap(Struct, frozen=True):
    """`lost` bytes of `run` before `offset` could not be written; noted at `time`."""

    offset: int
    lost: int
    run: int
    time: float


def replicas(root: Path, task: str) -> list[int]:
    """Return the numbers of the task's replicas that have logs, in order."""
    return [i for i in files.indices(root, task) if segments(root, ReplicaId(task, i))]


def bounds(root: Path, id: ReplicaId) -> tuple[int, int]:
    """Return the offsets of the first byte retained and behind the last one."""
    found = segments(root, id)
    return (found[0].start, found[-1].end) if found else (0, 0)


def segments(root: Path, id: ReplicaId) -> list[Segment]:
    """Return the segments in order, without overlap; bytes may be missing between two."""
    try:
        directory = files.open_directory(root, id)
    except (FileNotFoundError, NotADirectoryError):
        return []
    try:
        return without_overlap(files.segments(directory))
    finally:
        os.close(directory)


def chunks(
    root: Path, id: ReplicaId, start: int | None = None, stop: int | None = None
) -> Iterator[bytes]:
    """Yield the retained bytes from `start` to `stop` (exclusive), in pieces of up to 256 KiB.

    Without `stop`, what is there at the beginning of the reading: a writer that is faster than
    the reader does not keep it for ever.
    """
    for _, piece in pieces(root, id, start, stop):
        yield piece


def chunks_of_runs(root: Path, id: ReplicaId, first: int) -> Iterator[bytes]:
    """Yield as `chunks` does, from the first byte of run `first` or a later one."""
    yield from chunks(root, id, from_run(root, id, first))


def pieces(
    root: Path, id: ReplicaId, start: int | None = None, stop: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield as `chunks` does, each piece with its offset."""
    first, end = bounds(root, id)
    at = first if start is None else max(start, first)
    stop = end if stop is None else min(stop, end)
    while at < stop:
        segment = _holding(segments(root, id), at)
        if segment is None:
            return
        at = before = max(at, segment.start)
        for piece in _segment_pieces(root, id, segment, at, stop):
            yield at, piece
            at += len(piece)
        if at == before and segment.packed is not None:
            at = segment.end  # removed meanwhile, or damaged


def _holding(found: list[Segment], offset: int) -> Segment | None:
    """Return the first segment with bytes at `offset` or behind."""
    return next((s for s in found if s.end > offset), None)


def _segment_pieces(
    root: Path, id: ReplicaId, segment: Segment, at: int, stop: int
) -> Iterator[bytes]:
    """Yield what `segment` has from `at` on; nothing if it is gone."""
    try:
        file = _open_segment(root, id, segment)
    except FileNotFoundError:
        return
    begin, stop = at - segment.start, min(stop, segment.end) - segment.start
    try:
        if segment.packed is None:
            yield from _plain_pieces(file, begin, stop)
        else:
            yield from pack.unpacked(file, begin, stop)
    finally:
        os.close(file)


def _plain_pieces(file: int, at: int, stop: int) -> Iterator[bytes]:
    while at < stop:
        piece = os.pread(file, min(CHUNK, stop - at), at)
        if not piece:
            return  # cut by rotation since: its successor has the rest
        at += len(piece)
        yield piece


def _open_segment(root: Path, id: ReplicaId, segment: Segment) -> int:
    directory = files.open_directory(root, id)
    try:
        return os.open(files.name_of(segment), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    finally:
        os.close(directory)


def index_spans(root: Path, id: ReplicaId, start: int = 0) -> Iterator[Span]:
    """Yield the retained bytes from `start` on divided by when they came and from which run.

    Of bytes that no index describes the run is 0 and the time that of the segment's last change.
    """
    for segment in segments(root, id):
        if segment.end < start:
            continue
        unknown = Record(segment.modified, segment.start, run=0)
        records = _index(root, id, segment)
        yield from spans(records, max(segment.start, start), segment.end, unknown)


def _index(root: Path, id: ReplicaId, segment: Segment) -> Records:
    try:
        directory = files.open_directory(root, id)
    except FileNotFoundError:
        return Records(b"")
    try:
        return files.read_index(directory, segment.start)
    finally:
        os.close(directory)


def run_ranges(root: Path, id: ReplicaId, start: int = 0) -> list[RunRange]:
    """Return which bytes from `start` on are of which run, in order."""
    ranges: list[RunRange] = []
    for span in index_spans(root, id, start):
        record = span.record
        last = ranges[-1] if ranges else None
        if last is None or (last.run, last.stop) != (record.run, span.start):
            ranges.append(RunRange(record.run, span.start, span.stop, record.time, record.time))
        else:
            ranges[-1] = RunRange(last.run, last.start, span.stop, last.began, record.time)
    return ranges


def gaps(root: Path, id: ReplicaId) -> list[Gap]:
    """Return where bytes were lost because the disk took none."""
    return [
        Gap(record.offset, record.lost, record.run, record.time)
        for segment in segments(root, id)
        for record in _index(root, id, segment)
        if record.lost
    ]


def since(root: Path, id: ReplicaId, time: float) -> int:
    """Return the offset of the first byte that came at `time` (wall seconds) or later.

    To 10 ms; without an index, to the segment.  The end of the log if nothing came since.
    """
    found = segments(root, id)
    for segment in found:
        if segment.modified < time - 1 and segment is not found[-1]:
            continue  # all of it is older: its index need not be read
        records = _index(root, id, segment)
        if not len(records):
            if segment.modified >= time:
                return segment.start
            continue
        # A record stands for up to 10 ms: rather some bytes too many than one too few.
        at = first_since(records, time - INTERVAL)
        if at < len(records) and records[at].offset < segment.end:
            return max(segment.start, records[at].offset)
    return found[-1].end if found else 0


def from_run(root: Path, id: ReplicaId, run: int) -> int:
    """Return the offset of the first byte of a run with that id or a higher one.

    Run ids count up, so this is where the output of a task begins whose predecessor of the same
    name has left some.  The beginning of the log if it holds no earlier run.
    """
    found = segments(root, id)
    for segment in reversed(found):
        records = _index(root, id, segment)
        if len(records) and 0 < records[0].run < run:
            later = (record.offset for record in records if record.run >= run)
            behind = found.index(segment) + 1
            end = found[behind].start if behind < len(found) else segment.end
            return min(next(later, end), end)
    return found[0].start if found else 0


def last_newline(root: Path, id: ReplicaId, first: int, stop: int) -> int | None:
    """Return the offset of the last newline between two offsets, None if there is none."""
    at, step = stop, _NEARBY
    while at > first:
        begin, step = max(first, at - step), min(CHUNK, step * 8)
        for offset, piece in reversed(list(pieces(root, id, begin, at))):
            if (position := piece.rfind(b"\n")) >= 0:
                return offset + position
        at = begin
    return None


def tail(root: Path, id: ReplicaId, lines: int, stop: int | None = None) -> int:
    """Return the offset where the last `lines` lines before `stop` begin.

    An unfinished line at the end counts as one.
    """
    first, end = bounds(root, id)
    stop = end if stop is None else min(stop, end)
    if lines <= 0:
        return stop
    at, wanted = stop, lines
    while at > first:
        begin = max(first, at - CHUNK)
        for offset, piece in reversed(list(pieces(root, id, begin, at))):
            # The newline at the very end ends the last line; it begins none.
            position = len(piece) - (offset + len(piece) == stop)
            while (position := piece.rfind(b"\n", 0, position)) >= 0:
                wanted -= 1
                if not wanted:
                    return offset + position + 1
        at = begin
    return first

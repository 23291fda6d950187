"""The index beside a segment: when its bytes came, from which run, and where bytes were lost.

An index file is a row of 32-byte records, four little-endian 64-bit words each:

    time     nanoseconds since 1970 (UTC)
    offset   logical offset in the replica's stream (never changes, whatever is rotated away)
    run      id of the run
    what     bits 0-7 kind, bits 8-15 stream (0 output, 1 error), bits 16-63 bytes lost

A record says: the bytes from `offset` up to the next record's offset came at `time` or at most
10 ms later, from `run`.  It is written *before* its bytes are moved, so that a crash between the
two leaves a record without bytes (harmless: the next record has the same offset, and of two with
one offset the later counts) and never bytes that are taken for another run's.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import overload

from msgspec import Struct
from msgspec.structs import replace

_RECORD = struct.Struct("<QQQQ")
RECORD_SIZE = _RECORD.size
INTERVAL = 0.01


class Kind(IntEnum):
    BYTES = 1
    LOST = 2  # `lost` bytes before `offset` could not be written; else as BYTES


class Record(Struct, frozen=True):
    """`time` is wall seconds; `run` 0 means that nobody knows."""

    time: float
    offset: int
    run: int
    kind: Kind = Kind.BYTES
    stream: int = 0
    lost: int = 0


class Span(Struct, frozen=True):
    """The bytes `start` to `stop` (exclusive), which share one record."""

    start: int
    stop: int
    record: Record


class Records(Sequence[Record]):
    """A read-only view of packed records.

    What is no whole record at the end (a torn write), and zeros there (what a power cut leaves of
    a file that grew), are not part of it.
    """

    __slots__ = ("_length", "_packed")

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._length = len(packed) // RECORD_SIZE
        while self._length and not packed[self._length * RECORD_SIZE - 8]:
            self._length -= 1

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self._length))]
        if not -self._length <= at < self._length:
            raise IndexError(at)
        return _unpack(_RECORD.unpack_from(self._packed, at % self._length * RECORD_SIZE))

    def __iter__(self) -> Iterator[Record]:
        whole = memoryview(self._packed)[: self._length * RECORD_SIZE]
        return map(_unpack, _RECORD.iter_unpack(whole))


def encode(record: Record) -> bytes:
    what = record.kind | record.stream << 8 | min(record.lost, (1 << 48) - 1) << 16
    return _RECORD.pack(round(record.time * 1e9), record.offset, record.run, what)


def _unpack(words: tuple[int, ...]) -> Record:
    time, offset, run, what = words
    kind = Kind.LOST if what & 255 == Kind.LOST else Kind.BYTES
    return Record(time / 1e9, offset, run, kind, what >> 8 & 255, what >> 16)


def first_time(packed: bytes) -> float | None:
    """Return the time of the first record, if there is one."""
    records = Records(packed)
    return records[0].time if len(records) else None


def covering(records: Sequence[Record], offset: int) -> int:
    """Return the position of the record that describes the byte at `offset`, -1 if none does."""
    return bisect_right(records, offset, key=_offset) - 1


def first_since(records: Sequence[Record], time: float) -> int:
    """Return the position of the first record not older than `time`, `len(records)` if none.

    Supposes that times do not decrease; where the clock was set back the answer is a record, but
    perhaps not the first.
    """
    return bisect_left(records, time, key=_time)


def behind(records: Sequence[Record], offset: int) -> list[Record]:
    """Return the records that describe a segment beginning at `offset`, cut out of `records`."""
    at = covering(records, offset)
    if at < 0:
        return list(records)
    first = records[at]
    if first.offset < offset:
        first = replace(first, offset=offset, kind=Kind.BYTES, lost=0)
    return [first, *records[at + 1 :]]


def spans(records: Sequence[Record], start: int, stop: int, unknown: Record) -> Iterator[Span]:
    """Divide the bytes from `start` to `stop` by record, in order and without a gap.

    What no record describes gets `unknown`.
    """
    if start >= stop:
        return
    at = covering(records, start)
    record = records[at] if at >= 0 else unknown
    # One by one: who reads a little of a long segment does not pay for all of it.
    for following in map(records.__getitem__, range(at + 1, len(records))):
        if following.offset >= stop:
            break
        if following.offset > start:
            yield Span(start, following.offset, record)
            start = following.offset
        record = following
    yield Span(start, stop, record)


def _offset(record: Record) -> int:
    return record.offset


def _time(record: Record) -> float:
    return record.time

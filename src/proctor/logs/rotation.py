"""When a log is cut and what is dropped: decisions over numbers, no effects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

MIB = 1 << 20
_LEAST_SEGMENT = 64 << 10


class Segment(Struct, frozen=True):
    """One file of a replica's log: bytes `start` to `start + size` of its stream.

    `modified` is wall seconds.  `packed` is what it takes on the disk if it is compressed.
    """

    start: int
    size: int
    modified: float = 0.0
    packed: int | None = None

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def disk(self) -> int:
        return self.size if self.packed is None else self.packed


class Limits(Struct, frozen=True):
    """Bytes: of one segment, of all segments of a replica, of all logs together.

    Seconds: that a segment is written to (`segment_age`), and that output is kept (`max_age`);
    None: however long.  `compress` what is not written to any more.  `keep` False: keep nothing.
    """

    segment: int = 10 * MIB
    replica: int = 100 * MIB
    total: int = 2048 * MIB
    segment_age: float | None = None
    max_age: float | None = None
    compress: bool = True
    keep: bool = True

    @property
    def cut_at(self) -> int:
        """The size a segment is cut at: small enough that a quota drops an eighth at a time."""
        share = min(self.replica, self.total) // 8
        return max(min(self.segment, share), min(_LEAST_SEGMENT, self.segment))

    @property
    def longest_tail(self) -> int:
        """How far back a line end is looked for before a segment is cut within a line."""
        return min(MIB, self.cut_at // 4)

    @property
    def segment_seconds(self) -> float:
        """How long a segment is written to: short enough that an age drops an eighth at a time."""
        ages = [self.segment_age, None if self.max_age is None else self.max_age / 8]
        return min((age for age in ages if age is not None), default=math.inf)


DEFAULT_LIMITS = Limits()


def next_start(tail: bytes, end: int) -> int:
    """Return where the next segment begins: behind the last newline of `tail`, which ends at `end`.

    Without a newline it is `end`: the line is cut.
    """
    newline = tail.rfind(b"\n")
    return end if newline < 0 else end - (len(tail) - newline - 1)


def surplus(sizes: Sequence[int], total: int, quota: int) -> int:
    """Return how many of the oldest segments must go for `total` bytes to come down to `quota`.

    `sizes` are those of the segments that may be dropped, oldest first.
    """
    for count, size in enumerate(sizes):
        if total <= quota:
            return count
        total -= size
    return len(sizes)


def without_overlap(segments: Sequence[Segment]) -> list[Segment]:
    """Cut each segment, in order of `start`, where the next begins.

    An overlap is what a crash leaves between the birth of a segment and the cut of its
    predecessor; the bytes are the same in both.
    """
    following = [segment.start for segment in segments[1:]]
    cut = [
        replace(segment, size=min(segment.size, begin - segment.start))
        for segment, begin in zip(segments, following, strict=False)
    ]
    return cut + list(segments[-1:])

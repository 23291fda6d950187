"""When a log is cut and what is dropped: decisions over numbers, no effects."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

MIB = 1 << 20
_LEAST_SEGMENT = 64 << 10


class Segment(Struct, frozen=True):
    """One file of a replica's log: bytes `start` to `start + size` of its stream.

    `modified` is wall seconds.
    """

    start: int
    size: int
    modified: float = 0.0

    @property
    def end(self) -> int:
        return self.start + self.size


class Limits(Struct, frozen=True):
    """Bytes: of one segment, of all segments of a replica, of all logs together."""

    segment: int = 10 * MIB
    replica: int = 100 * MIB
    total: int = 2048 * MIB

    @property
    def cut_at(self) -> int:
        """The size a segment is cut at: small enough that a quota drops an eighth at a time."""
        share = min(self.replica, self.total) // 8
        return max(min(self.segment, share), min(_LEAST_SEGMENT, self.segment))

    @property
    def longest_tail(self) -> int:
        """How far back a line end is looked for before a segment is cut within a line."""
        return min(MIB, self.cut_at // 4)


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

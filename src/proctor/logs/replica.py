"""The log of one replica while it is written: index, rotation, quota, and what is lost."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from proctor.core.model import ReplicaId

from . import files
from .catalogue import Catalogue, Closed
from .index import INTERVAL, Kind, Record
from .rotation import Limits, Segment
from .segment import OpenSegment

RETRY = 0.25
LOOK = 1.0
EMPTY = -1


class ReplicaLog:
    """Where the bytes of a replica go.

    Rule 1: logical offsets never go back: `_end` is where the stream ended when last seen, None
    before the disk was asked.  Rule 2: what is not `_segment` is on the catalogue's list, so a
    log can be released at any time and goes on later.  Rule 3: if the disk takes nothing, bytes
    are read and dropped, so that the task goes on; `lost` counts them, `_gap` those that no index
    record tells of yet, and writing is tried again every `RETRY` seconds.
    Rule 4: the limits may change at any time, and are asked for again after `LOOK` seconds.
    """

    __slots__ = (
        "_catalogue",
        "_close_at",
        "_closed_bytes",
        "_counted",
        "_end",
        "_gap",
        "_gap_source",
        "_limits_of",
        "_looked",
        "_noted",
        "_over",
        "_retry_at",
        "_root",
        "_segment",
        "_source",
        "error",
        "id",
        "limits",
        "lost",
        "pipes",
    )

    def __init__(
        self,
        root: Path,
        id: ReplicaId,
        limits_of: Callable[[ReplicaId], Limits],
        catalogue: Catalogue,
    ) -> None:
        self.id = id
        self.limits = limits_of(id)
        self.pipes = 0
        self.lost = 0
        self.error: OSError | None = None
        self._gap = 0
        self._gap_source = (0, 0)
        self._root = root
        self._limits_of = limits_of
        self._looked = time.monotonic()
        self._close_at = math.inf
        self._over = -1  # Where the segment begins that is not to be written on.
        self._catalogue = catalogue
        self._segment: OpenSegment | None = None
        self._end: int | None = None
        self._counted = 0
        self._closed_bytes = 0
        self._noted = 0.0
        self._retry_at = 0.0
        self._source = (-1, -1)

    @property
    def open(self) -> bool:
        return self._segment is not None

    @property
    def end(self) -> int:
        """The logical offset of the next byte."""
        return self._segment.end if self._segment else self._end or 0

    @property
    def open_bytes(self) -> int:
        return self._counted if self._segment else 0

    def take(self, pipe: int, source: tuple[int, int], most: int) -> int:
        """Move at most `most` bytes from the pipe into the log, or drop them if that fails.

        `source` is run and stream.  Return how many bytes left the pipe, 0 at its end, EMPTY if
        there are none now.
        """
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            self.limits = self._limits_of(self.id)
        if not self.limits.keep:
            return self._dropped(pipe, most)
        if now < self._retry_at:
            return self._discard(pipe, source, most)
        try:
            return self._store(pipe, source, most, now)
        except BlockingIOError:
            return EMPTY
        except OSError as error:
            self._failed(error, source, now)
            return self._discard(pipe, source, most)

    def _store(self, pipe: int, source: tuple[int, int], most: int, now: float) -> int:
        segment = self._ready_segment(source, now)
        if self._closed_bytes + self._counted + most > self.limits.replica:
            self._closed_bytes = self._keep(self._counted + most)
        moved = segment.take(pipe, max(1, min(most, self.limits.cut_at - segment.size)))
        self._account(segment)
        self.error = None
        if segment.size >= self.limits.cut_at:
            self._rotate(segment)
        return moved

    def _keep(self, more: int) -> int:
        return self._catalogue.keep_replica(self.id, more, self.limits.replica)

    def _ready_segment(self, source: tuple[int, int], now: float) -> OpenSegment:
        """Return the segment to write to, with the index saying what comes."""
        due = now - self._noted >= INTERVAL
        if self._segment is not None and due:
            if not self._segment.intact():
                self.release()
            elif now >= self._close_at and self._segment.size:
                self._rotate(self._segment)
        segment = self._segment
        if segment is None:
            segment = self._segment = self._opened()
            due = True
        if self._gap:
            self._note_gap(segment)
            due = True
        if due or source != self._source:
            run, stream = source
            segment.record(Record(time.time(), segment.end, run, Kind.BYTES, stream))
            self._source, self._noted = source, now
        return segment

    def _note_gap(self, segment: OpenSegment) -> None:
        run, stream = self._gap_source
        segment.record(Record(time.time(), segment.end, run, Kind.LOST, stream, self._gap))
        self._gap = 0

    def _opened(self) -> OpenSegment:
        self._catalogue.begin(self.id)
        directory = files.open_directory(self._root, self.id, create=True)
        try:
            newest = self._catalogue.newest(self.id)
            start = self._place(directory, newest)
            segment = OpenSegment(directory, start)
        except OSError:
            os.close(directory)
            raise
        reopened = newest is not None and newest.segment.start == start
        self._counted = self._catalogue.reopen(self.id) if reopened else 0
        # Room for all of it now: who looks while it grows never sees more than the quota.
        self._closed_bytes = self._keep(max(self._counted, self.limits.cut_at))
        self._account(segment)
        age = max(0.0, time.time() - segment.began) if segment.size else 0.0
        self._close_at = time.monotonic() + self.limits.segment_seconds - age
        return segment

    def _place(self, directory: int, newest: Closed | None) -> int:
        """Return where the segment begins that takes the next bytes."""
        if newest is None:
            return self._end or 0
        begin = newest.segment.start
        packed = newest.segment.packed is not None
        size = newest.segment.size if packed else files.segment_size(directory, begin)
        end = begin + size
        if self._end is not None and end < self._end:
            return self._end  # somebody removed or truncated it
        over = packed or begin == self._over or size >= self.limits.cut_at
        return end if over else begin

    def _account(self, segment: OpenSegment) -> None:
        size = segment.size + segment.index_size
        self._catalogue.grew(size - self._counted)
        self._counted = size

    def _rotate(self, segment: OpenSegment) -> None:
        end = segment.end
        begin = segment.cut(self.limits.longest_tail)
        self._over = segment.start
        self.release()
        self._end = end
        if begin < end:
            self._catalogue.found(self.id, begin)

    def release(self) -> None:
        """Close the files; the segment counts as closed until there are bytes again."""
        segment = self._segment
        if segment is None:
            return
        self._account(segment)
        closed = Segment(segment.start, segment.size, time.time())
        self._catalogue.add(Closed(self.id, closed, segment.index_size))
        self._end = segment.end
        self._segment = None
        self._noted = 0.0
        segment.close()

    def finish(self) -> None:
        """Nothing comes any more for now."""
        if self._gap:
            self._try_note_gap()
        self.release()
        self._catalogue.finish(self.id)

    def _try_note_gap(self) -> None:
        try:
            if self._segment is None:
                self._segment = self._opened()
            self._note_gap(self._segment)
        except OSError:
            pass  # the disk is still full: `lost` has it, the index has not

    def _failed(self, error: OSError, source: tuple[int, int], now: float) -> None:
        self.error = error
        self._retry_at = now + RETRY
        if self._segment is not None:
            self._lose(source, self._segment.spilled)
            self._segment.spilled = 0

    def idle(self, since: float) -> bool:
        """Whether nothing has come later than that (monotonic seconds)."""
        return self._noted < since

    def _dropped(self, pipe: int, most: int) -> int:
        """Read what nobody wants to keep."""
        self.release()
        try:
            return len(os.read(pipe, most))
        except BlockingIOError:
            return EMPTY

    def _discard(self, pipe: int, source: tuple[int, int], most: int) -> int:
        try:
            dropped = len(os.read(pipe, most))
        except BlockingIOError:
            return EMPTY
        self._lose(source, dropped)
        return dropped

    def _lose(self, source: tuple[int, int], size: int) -> None:
        self.lost += size
        self._gap += size
        self._gap_source = source

"""The log of one replica while it is written: index, rotation, quota, and what is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

from proctor.core.model import ReplicaId

from . import files
from .catalogue import Catalogue, Closed
from .index import INTERVAL, Kind, Record
from .rotation import Limits
from .segment import OpenSegment

RETRY = 0.25
EMPTY = -1


class ReplicaLog:
    """Where the bytes of a replica go.

    Rule 1: logical offsets never go back: `_end` is where the stream ended when last seen, None
    before the disk was asked.  Rule 2: what is not `_segment` is on the catalogue's list, so a
    log can be released at any time and goes on later.  Rule 3: if the disk takes nothing, bytes
    are read and dropped, so that the task goes on; `lost` counts them, `_gap` those that no index
    record tells of yet, and writing is tried again every `RETRY` seconds.
    """

    __slots__ = (
        "_catalogue",
        "_closed_bytes",
        "_counted",
        "_end",
        "_gap",
        "_gap_source",
        "_limits",
        "_noted",
        "_retry_at",
        "_root",
        "_segment",
        "_source",
        "error",
        "id",
        "lost",
        "pipes",
    )

    def __init__(self, root: Path, id: ReplicaId, limits: Limits, catalogue: Catalogue) -> None:
        self.id = id
        self.pipes = 0
        self.lost = 0
        self.error: OSError | None = None
        self._gap = 0
        self._gap_source = (0, 0)
        self._root = root
        self._limits = limits
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
        if self._closed_bytes + self._counted + most > self._limits.replica:
            self._closed_bytes = self._catalogue.keep_replica(self.id, self._counted + most)
        moved = segment.take(pipe, most)
        self._account(segment)
        self.error = None
        if segment.size >= self._limits.cut_at:
            self._rotate(segment)
        return moved

    def _ready_segment(self, source: tuple[int, int], now: float) -> OpenSegment:
        """Return the segment to write to, with the index saying what comes."""
        due = now - self._noted >= INTERVAL
        if self._segment is not None and due and not self._segment.intact():
            self.release()
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
        reopened = newest is not None and newest.start == start
        self._counted = self._catalogue.reopen(self.id) if reopened else 0
        # Room for all of it now: who looks while it grows never sees more than the quota.
        size = max(self._counted, self._limits.cut_at)
        self._closed_bytes = self._catalogue.keep_replica(self.id, size)
        self._account(segment)
        return segment

    def _place(self, directory: int, newest: Closed | None) -> int:
        """Return where the segment begins that takes the next bytes."""
        if newest is None:
            return self._end or 0
        size = files.segment_size(directory, newest.start)
        end = newest.start + size
        if self._end is not None and end < self._end:
            return self._end  # somebody removed or truncated it
        return end if size >= self._limits.cut_at else newest.start

    def _account(self, segment: OpenSegment) -> None:
        size = segment.size + segment.index_size
        self._catalogue.grew(size - self._counted)
        self._counted = size

    def _rotate(self, segment: OpenSegment) -> None:
        end = segment.end
        begin = segment.cut(self._limits.longest_tail)
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
        self._catalogue.add(Closed(self.id, segment.start, self._counted, time.time()))
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

"""Which segments lie on the disk, and which go when there are too many bytes."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

from msgspec.structs import replace

from proctor.core.model import ReplicaId

from . import files
from .rotation import Segment, surplus


class Closed:
    """A segment that is not written any more.

    `bytes` is what it takes on the disk with its index; `tried` whether it was to be compressed.
    """

    __slots__ = ("bytes", "id", "listed", "segment", "tried")

    def __init__(self, id: ReplicaId, segment: Segment, index_size: int) -> None:
        self.id = id
        self.segment = segment
        self.bytes = segment.disk + index_size
        self.listed = True
        self.tried = False


class Catalogue:
    """All closed segments, by replica and by age.

    Rule: `total` is the bytes of every closed segment that is `listed` plus those the open ones
    grew by (`grew`).  A replica is read from the disk when it is asked for; all of them only when
    the total matters.
    """

    def __init__(self, root: Path, quota: int) -> None:
        self._root = root
        self._quota = quota
        self._closed: dict[ReplicaId, list[Closed]] = {}
        self._writing: set[ReplicaId] = set()
        self._oldest: deque[Closed] = deque()
        self._unlisted = 0
        self.scanned = False
        self.total = 0

    def begin(self, id: ReplicaId) -> None:
        """A replica is being written from now on, until `finish`: know what is there of it."""
        if id not in self._closed:
            self._oldest.extend(self._load(id))
        self._writing.add(id)

    def finish(self, id: ReplicaId) -> None:
        self._writing.discard(id)
        self._forget_empty(id)

    def _load(self, id: ReplicaId) -> list[Closed]:
        try:
            directory = files.open_directory(self._root, id)
        except FileNotFoundError:
            self._closed[id] = []
            return []
        try:
            found = [
                Closed(id, segment, files.index_size(directory, segment.start))
                for segment in files.recover(directory)
            ]
        finally:
            os.close(directory)
        self._closed[id] = found
        self.total += sum(closed.bytes for closed in found)
        return list(found)

    def add(self, closed: Closed) -> None:
        """A segment of a replica that is being written was closed; its bytes were counted."""
        self._closed[closed.id].append(closed)
        self._oldest.append(closed)

    def newest(self, id: ReplicaId) -> Closed | None:
        known = self._closed[id]
        return known[-1] if known else None

    def reopen(self, id: ReplicaId) -> int:
        """Take the newest segment of a replica off the list, to go on writing it.

        Return the bytes it counted for.
        """
        newest = self._closed[id].pop()
        self._unlist(newest)
        return newest.bytes

    def found(self, id: ReplicaId, start: int) -> None:
        """A new segment was written that begins at `start`, with bytes of its predecessor."""
        directory = files.open_directory(self._root, id)
        try:
            segment = Segment(start, files.segment_size(directory, start), time.time())
            closed = Closed(id, segment, files.index_size(directory, start))
        finally:
            os.close(directory)
        self.grew(closed.bytes)
        self.add(closed)

    def grew(self, size: int) -> None:
        self.total += size

    def packed(self, closed: Closed, packed: int) -> None:
        """A segment takes only so many bytes now, as it is compressed."""
        saved = closed.segment.disk - packed
        closed.segment = replace(closed.segment, packed=packed)
        closed.bytes -= saved
        self.total -= saved

    def settled(self) -> list[Closed]:
        """Return what is on the list, by replica and in order; the newest of each comes last."""
        return [closed for known in self._closed.values() for closed in known]

    def keep_replica(self, id: ReplicaId, more: int, quota: int) -> int:
        """Drop the oldest segments of a replica until `more` bytes fit into its quota.

        Return the bytes of those that stay.
        """
        known = self._closed[id]
        sizes = [closed.bytes for closed in known]
        drop = surplus(sizes, sum(sizes) + more, quota)
        for _ in range(drop):
            self.drop(known[0])
        return sum(sizes[drop:])

    def crowded(self, more: int) -> bool:
        return self.total + more > self._quota

    def keep_total(self, more: int) -> int:
        """Drop the oldest segments of all until `more` bytes fit; return by how many they do not.

        What is being written is not dropped: the caller can release some and ask again.
        """
        while self.crowded(more) and self._oldest:
            if self._oldest[0].listed:
                self.drop(self._oldest[0])
            else:
                self._oldest.popleft()
                self._unlisted -= 1
        return max(0, self.total + more - self._quota)

    def drop(self, closed: Closed) -> None:
        """Remove a segment from the list and the disk."""
        self._unlist(closed)
        self.total -= closed.bytes
        self._closed[closed.id].remove(closed)
        self._forget_empty(closed.id)
        try:
            files.remove_segment(self._root, closed.id, closed.segment)
        except OSError:
            pass  # somebody else removed it; what cannot be removed is not asked for again

    def _unlist(self, closed: Closed) -> None:
        """Keep it in the order of age, where it is skipped, until such are the most."""
        closed.listed = False
        self._unlisted += 1
        if self._unlisted > 100 and self._unlisted * 2 > len(self._oldest):
            self._oldest = deque(closed for closed in self._oldest if closed.listed)
            self._unlisted = 0

    def _forget_empty(self, id: ReplicaId) -> None:
        if id not in self._writing and not self._closed.get(id, True):
            del self._closed[id]

    def scan(self) -> None:
        """Read what no replica of now has brought in: mostly of tasks that are gone."""
        self.scanned = True
        for id in files.replicas(self._root):
            if id not in self._closed:
                try:
                    self._oldest.extend(self._load(id))
                except OSError:
                    continue  # no directory of ours
                self._forget_empty(id)
        self._oldest = deque(sorted(self._oldest, key=lambda closed: closed.segment.modified))

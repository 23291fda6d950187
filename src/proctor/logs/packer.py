"""Compresses segments in a thread of its own, when the machine has nothing better to do."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from . import files, pack
from .rotation import Segment

IDLEST = 19
FAILED = -1


class _Job(Struct, frozen=True):
    root: Path
    id: ReplicaId
    segment: Segment
    key: int


class Packer:
    """Works off a queue, in a thread that is there as long as there is something in it.

    `done(key, size)` is called in that thread: so many bytes lie under the temporary name, FAILED
    if none do.  A crash leaves the plain segment, and a temporary file that recovery removes.
    """

    def __init__(self, done: Callable[[int, int], None]) -> None:
        self._done = done
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def pack(self, root: Path, id: ReplicaId, segment: Segment, key: int) -> None:
        with self._lock:
            self._jobs.put(_Job(root, id, segment, key))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="pack", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Give up what is not done yet."""
        self._closing = True
        if (thread := self._thread) is not None:
            thread.join()

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), IDLEST)
        while (job := self._next()) is not None:
            self._done(job.key, self._packed(job))

    def _next(self) -> _Job | None:
        with self._lock:
            if self._jobs.empty() or self._closing:
                self._thread = None
                return None
            return self._jobs.get()

    def _packed(self, job: _Job) -> int:
        try:
            return self._pack(job)
        except OSError:
            return FAILED  # the disk is full, or somebody removed it

    def _pack(self, job: _Job) -> int:
        with files.packing(job.root, job.id, job.segment) as (source, target):
            if not pack.packed(source, job.segment.size, target, lambda: not self._closing):
                return FAILED
            times = (os.fstat(source).st_atime_ns, os.fstat(source).st_mtime_ns)
            os.utime(target, ns=times)
            os.fsync(target)
            return os.fstat(target).st_size

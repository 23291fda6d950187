"""What the tests of the logs share: a writer whose ends can be awaited, and files made by hand."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proctor.core.model import ReplicaId
from proctor.logs import files, reader
from proctor.logs.index import Record, encode
from proctor.logs.rotation import DEFAULT_LIMITS, Limits
from proctor.logs.writer import LogWriter, Loss

DEADLINE = 60.0
WEB = ReplicaId("web", 0)


class Writing:
    """A LogWriter and what it reported."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.losses: list[Loss] = []
        self._drained: set[int] = set()
        self._news = threading.Condition()
        self.writer = LogWriter(
            root, limits, on_drained=self._on_drained, on_loss=self.losses.append
        )

    def _on_drained(self, run: int) -> None:
        with self._news:
            self._drained.add(run)
            self._news.notify_all()

    def wait_drained(self, *runs: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self._drained.issuperset(runs), DEADLINE)

    def drained(self, run: int) -> bool:
        return run in self._drained

    def begin(self, id: ReplicaId, run: int, stream: int = 0) -> int:
        """Attach a new pipe; return its write end."""
        read, write = os.pipe()
        self.writer.attach(id, run, read, stream)
        return write

    def put(self, id: ReplicaId, run: int, content: bytes) -> None:
        """Have a run write `content` and end."""
        write = self.begin(id, run)
        put_all(write, content)
        os.close(write)
        self.wait_drained(run)


@contextmanager
def writing(root: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Writing]:
    now = Writing(root, limits)
    try:
        yield now
    finally:
        now.writer.close()


def put_all(fd: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(fd, left) :]


def content_of(root: Path, id: ReplicaId = WEB) -> bytes:
    return b"".join(reader.chunks(root, id))


def lay(
    root: Path, id: ReplicaId, start: int, content: bytes, records: Sequence[Record] | None = None
) -> Path:
    """Put a segment there by hand, with an index if `records` are given."""
    directory = root / id.task / str(id.index)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / files.segment_name(start)
    path.write_bytes(content)
    if records is not None:
        index = directory / files.index_name(start)
        index.write_bytes(b"".join(map(encode, records)))
    return path


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def size_of(root: Path) -> int:
    """Return the bytes of all files below `root`, which may change meanwhile."""
    total = 0
    for directory, _, names in os.walk(root):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except FileNotFoundError:
                pass
    return total

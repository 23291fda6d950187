"""Reading a log line by line, each with when it came and which run wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from .index import Record, Span
from .reader import index_spans, pieces

LONGEST = 1 << 20


class Line(Struct, frozen=True):
    """`text` ends with a newline, unless the line is unfinished or goes on in the next Line.

    `time` is wall seconds, of its first byte, to 10 ms.
    """

    time: float
    run: int
    stream: int
    offset: int
    text: bytes


def lines(
    root: Path,
    id: ReplicaId,
    start: int | None = None,
    stop: int | None = None,
    run: int | None = None,
) -> Iterator[Line]:
    """Yield the lines between two offsets, of one run or of all, in the order of their ends.

    The streams of a run are kept apart even where they alternate within a line.  A line longer
    than 1 MiB comes in several, so that memory stays bounded.
    """
    joiner = _Joiner()
    for span, offset, text in _divided(
        pieces(root, id, start, stop), index_spans(root, id, start or 0)
    ):
        if run is None or span.record.run == run:
            yield from joiner.feed(span.record, offset, text)
    yield from joiner.rest()


def _divided(
    pieces: Iterator[tuple[int, bytes]], spans: Iterator[Span]
) -> Iterator[tuple[Span, int, bytes]]:
    """Cut pieces where the index says that something changes."""
    span = Span(0, 0, Record(0.0, 0, 0))
    for offset, piece in pieces:
        view = memoryview(piece)
        while view:
            while offset >= span.stop:
                following = next(spans, None)
                if following is None:  # written since the index was read
                    following = Span(span.stop, offset + len(view), span.record)
                span = following
            length = min(len(view), span.stop - offset)
            yield span, offset, bytes(view[:length])
            offset += length
            view = view[length:]


class _Part(Struct):
    """The beginning of a line that is not whole yet."""

    record: Record
    offset: int
    texts: list[bytes] = []
    size: int = 0

    def line(self, end: bytes = b"") -> Line:
        record = self.record
        text = b"".join(chain(self.texts, (end,)))
        return Line(record.time, record.run, record.stream, self.offset, text)


class _Joiner:
    """Joins bytes to lines, by stream; what another run writes ends a line."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], _Part] = {}

    def feed(self, record: Record, offset: int, text: bytes) -> Iterator[Line]:
        for source in [source for source in self._parts if source[0] != record.run]:
            yield self._parts.pop(source).line()
        at = 0
        while (newline := text.find(b"\n", at)) >= 0:
            yield self._finished(record, offset + at, text[at : newline + 1])
            at = newline + 1
        if at < len(text):
            yield from self._keep(record, offset + at, text[at:])

    def _finished(self, record: Record, offset: int, text: bytes) -> Line:
        part = self._parts.pop((record.run, record.stream), None)
        if part is not None:
            return part.line(text)
        return Line(record.time, record.run, record.stream, offset, text)

    def _keep(self, record: Record, offset: int, text: bytes) -> Iterator[Line]:
        source = (record.run, record.stream)
        part = self._parts.setdefault(source, _Part(record, offset))
        part.texts.append(text)
        part.size += len(text)
        if part.size >= LONGEST:
            yield self._parts.pop(source).line()

    def rest(self) -> Iterator[Line]:
        for part in self._parts.values():
            yield part.line()

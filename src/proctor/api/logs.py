"""/v1/logs: what tasks write, searched, followed, and as raw bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from fnmatch import fnmatchcase
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path

from proctor.core.errors import BadSpec, UnknownTask
from proctor.core.model import ReplicaId, Run
from proctor.logs import files, reader
from proctor.logs.lines import Line
from proctor.logs.search import Found, Wanted, from_offset, level_named, search, whole
from proctor.manager import Manager

from .oapi import Call, Nothing
from .ports import Subscribe
from .reply import NO_SNIFF, NO_STORE, Stream
from .schemas.streams import LogEntry, LogsQuery, RawQuery
from .streams import LINES, Framing, Mailbox

BATCH = 500
MOST_RUNS = 10_000


class Logs:
    """The handlers.  `subscribe` None: nobody writes here, so nothing can be followed."""

    def __init__(self, manager: Manager, root: Path, subscribe: Subscribe | None) -> None:
        self._manager = manager
        self._root = root
        self._subscribe = subscribe

    async def lines(self, call: Call[LogsQuery, Nothing]) -> Stream:
        query = call.query
        wanted = _wanted(query)
        ids = await asyncio.to_thread(self._select, query.task)
        framing = Framing(call.header(b"accept"), default=LINES)
        chunks = self._follow if query.follow and self._subscribe else self._read
        return Stream(chunks(call, ids, wanted, framing), framing.headers)

    async def raw(self, call: Call[RawQuery, Nothing]) -> Stream:
        """Return the bytes themselves."""
        name, index = call.path["name"], call.path["index"]
        if not (index.isascii() and index.isdecimal() and len(index) < 10):
            raise BadSpec("`index` is not valid: expected a whole number", field="index")
        id = ReplicaId(name, int(index))
        if id not in self._manager.world.replicas and not self._has_log(id):
            raise UnknownTask(f"there is no output of {id}", field="name")
        pieces = reader.chunks(self._root, id, call.query.start, call.query.stop)
        kind = (b"content-type", b"application/octet-stream")
        return Stream(_in_thread(pieces), (kind, NO_STORE, NO_SNIFF))

    def _has_log(self, id: ReplicaId) -> bool:
        return _is_name(id.task) and id.index in reader.replicas(self._root, id.task)

    def _select(self, selector: str) -> list[ReplicaId]:
        """Return the replicas meant, those of tasks that are gone too.  Raises UnknownTask."""
        known = {*self._manager.world.replicas, *files.replicas(self._root)}
        known = {id for id in known if not id.task.startswith("@")}
        chosen: set[ReplicaId] = set()
        for part in filter(None, selector.split(",")):
            name, _, index = part.partition(":")
            found = {
                id
                for id in known
                if fnmatchcase(id.task, name) and index in ("", "*", str(id.index))
            }
            if not found and not set(name) & set("*?["):
                raise UnknownTask(
                    f"no task is named {part!r}, nor has one left output", field="task"
                )
            chosen |= found
        return sorted(chosen if selector else known)

    async def _read(
        self,
        call: Call[LogsQuery, Nothing],
        ids: list[ReplicaId],
        wanted: Wanted,
        framing: Framing,
    ) -> AsyncGenerator[bytes, None]:
        entries = self._entries(ids, wanted)
        while batch := await asyncio.to_thread(lambda: list(islice(entries, BATCH))):
            yield b"".join(framing.frame(entry) for entry in batch)

    async def _follow(
        self,
        call: Call[LogsQuery, Nothing],
        ids: list[ReplicaId],
        wanted: Wanted,
        framing: Framing,
    ) -> AsyncGenerator[bytes, None]:
        """Send what there is, then what comes; a slow reader is sent less often, not more."""
        assert self._subscribe is not None
        grown = _Growth(self._subscribe, ids)
        try:
            # Lines that are whole by now come from the search, what ends later as it grows.
            ends = await asyncio.to_thread(lambda: {id: whole(self._root, id) for id in ids})
            yield framing.sign_of_life
            past = (
                _entry(id, line)
                for _, id, line in search(self._root, ids, wanted)
                if line.offset < ends[id]
            )
            while batch := await asyncio.to_thread(lambda: list(islice(past, BATCH))):
                yield b"".join(map(framing.frame, batch))
            later = Wanted(grep=wanted.grep, run=wanted.run, level=wanted.level)
            async for news in grown.batches(call):
                entries = await asyncio.to_thread(self._news, news, ends, later)
                yield b"".join(map(framing.frame, entries)) or framing.sign_of_life
        finally:
            grown.end()

    def _news(
        self, ids: Iterable[ReplicaId], ends: dict[ReplicaId, int], wanted: Wanted
    ) -> list[LogEntry]:
        """Return what came since `ends`, which move on, in the order of time."""
        found: list[Found] = []
        for id in ids:
            lines, ends[id] = from_offset(self._root, id, ends[id], wanted)
            found += lines
        return [_entry(id, line) for _, id, line in sorted(found, key=itemgetter(0))]

    def _entries(self, ids: list[ReplicaId], wanted: Wanted) -> Iterator[LogEntry]:
        """Yield the lines, with the begins and ends of runs where nothing is filtered."""
        found = search(self._root, ids, wanted)
        entries = (_entry(id, line) for _, id, line in found)
        if wanted.grep is not None or wanted.level is not None or wanted.tail is not None:
            return entries
        return merge(entries, self._markers(ids, wanted), key=lambda entry: entry.time)

    def _markers(self, ids: list[ReplicaId], wanted: Wanted) -> list[LogEntry]:
        meant = set(ids)
        markers: list[LogEntry] = []
        for name in sorted({id.task for id in ids}):
            for run in self._manager.store.runs(name, limit=MOST_RUNS):
                if run.id in meant and wanted.run in (None, run.run):
                    markers += _markers_of(run)
        since, until = wanted.since or 0.0, wanted.until or float("inf")
        inside = [marker for marker in markers if since <= marker.time < until]
        return sorted(inside, key=lambda marker: marker.time)


class _Growth:
    """Which logs have grown, from the writer's thread into the event loop's."""

    def __init__(self, subscribe: Subscribe, ids: Iterable[ReplicaId]) -> None:
        self._mailbox: Mailbox[ReplicaId] = Mailbox(100_000)
        self._grown: set[ReplicaId] = set()
        self._loop = asyncio.get_running_loop()
        self._ends = [subscribe(id, self._on_growth) for id in ids]

    def end(self) -> None:
        for end in self._ends:
            end()

    async def batches(
        self, call: Call[LogsQuery, Nothing]
    ) -> AsyncGenerator[list[ReplicaId], None]:
        async for _ in self._mailbox.batches(call.stopping):
            grown, self._grown = sorted(self._grown), set()
            yield grown

    def _on_growth(self, id: ReplicaId, end: int) -> None:
        try:
            self._loop.call_soon_threadsafe(self._note, id)
        except RuntimeError:
            pass  # The loop has ended, and with it whoever followed.

    def _note(self, id: ReplicaId) -> None:
        if id not in self._grown:
            self._grown.add(id)
            self._mailbox.put(id)


def _wanted(query: LogsQuery) -> Wanted:
    level = level_named(query.level) if query.level else None
    if query.level and level is None:
        raise BadSpec(
            "`level` is not valid: expected trace, debug, info, warning, error or critical",
            field="level",
        )
    return Wanted(query.since, query.until, _pattern(query.grep), query.run, level, query.tail)


def _pattern(text: str | None) -> re.Pattern[bytes] | None:
    if text is None:
        return None
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except re.error as error:
        raise BadSpec(f"`grep` is not valid: {error}", field="grep") from None


def _entry(id: ReplicaId, line: Line) -> LogEntry:
    return LogEntry(
        time=line.time,
        task=id.task,
        replica=id.index,
        text=line.text.rstrip(b"\r\n").decode("utf-8", "replace"),
        run=line.run or None,
        stream="err" if line.stream else "out",
    )


def _markers_of(run: Run) -> list[LogEntry]:
    def marker(time: float, text: str) -> LogEntry:
        return LogEntry(time, run.id.task, run.id.index, run=run.run, marker=text)

    begin = marker(run.started, f"started pid={run.pid} ({run.trigger})")
    if run.ended is None or run.exit is None:
        return [begin]
    lasted = max(0.0, run.ended - run.started)
    return [begin, marker(run.ended, f"{run.exit} after {lasted:.1f}s")]


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_@][A-Za-z0-9_.:@-]*", text) is not None


async def _in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece

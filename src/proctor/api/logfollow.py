"""Logs as they grow: what there is, then what comes, of replicas that come later too.

Rule 1: no line is sent that is not whole, unless its run has ended.  Rule 2: what is read is never
more than a batch ahead of the client, so one that does not read costs no memory and holds nobody
up.  Rule 3: nothing happens while nothing is written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from msgspec.structs import replace

from proctor.core.model import Note, ReplicaId
from proctor.logs import reader
from proctor.logs.lines import Line
from proctor.logs.markers import Found, Marker
from proctor.logs.search import Source, Wanted, begin, line_begin, search, whole

from .cursor import NONE, Cursor, Place, Rank, encode
from .logview import LogView, State, entry, marked, markers_of
from .oapi import Call, Nothing
from .ports import Service, Subscribe
from .schemas.streams import LogsQuery
from .streams import Framing, Mailbox

BATCH = 500
FEW_PLACES, MOST_PLACES = 32, 1000
"""Of more replicas than a few only the last event of a batch has an id, of too many none has."""
SETTLED, MARGIN = 10.0, 5.0
"""A replica that has been silent, without a marker, for so many seconds is covered by a moment so
much later."""
MOST_MARKERS = 1000


class Following:
    """One client that follows."""

    def __init__(
        self, view: LogView, service: Service, call: Call[LogsQuery, Nothing], framing: Framing
    ) -> None:
        assert service.subscribe is not None
        self._view = view
        self._root = view.root
        self._call = call
        self._framing = framing
        self._news = _News(view, service, call.query)
        self._subscribe: Subscribe = service.subscribe
        self._ends: dict[ReplicaId, int] = {}
        self._done: dict[ReplicaId, Rank] = {}
        self._sent = _Sent()

    async def chunks(
        self, ids: Sequence[ReplicaId], wishes: Wanted, after: Cursor | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield what there is, then what comes, until the service ends."""
        self._news.open(self._subscribe)
        try:
            now = time.time()
            yield self._framing.sign_of_life
            sources, states = await self._view.settled(ids, self._call.query)
            self._ends = {id: state.whole for id, state in states.items()}
            self._done = {s.id: max(map(_rank, s.markers)) for s in sources if s.markers}
            wishes = wishes if after is None else replace(wishes, since=None, tail=None)
            past = await asyncio.to_thread(self._from, sources, wishes, after)
            async for chunk in self._searched(past, wishes, live=False):
                yield chunk
            self._sent.caught_up(now, states)
            if self._framing.has_ids:
                yield b"id: %b\n\n" % self._sent.id.encode()
            later = replace(wishes, since=None, tail=None)
            async for grown, marks in self._news.batches(self._call.stopping):
                sources = await asyncio.to_thread(self._grown, grown, marks)
                async for chunk in self._searched(sources, later, live=True):
                    yield chunk
                if not grown and not marks:
                    yield self._framing.sign_of_life
        finally:
            self._news.close()

    def _from(
        self, sources: Iterable[Source], wishes: Wanted, after: Cursor | None
    ) -> list[Source]:
        """Return the sources with where they begin and end for now."""
        if after is not None:
            self._sent.resume(after)
        placed = []
        for source in sources:
            stop = self._ends[source.id]
            source = replace(source, stop=stop)
            latest = max((mark.time for mark in source.markers), default=0.0)
            if after is None:
                start = begin(self._root, source, wishes)
            else:
                source, start = self._resumed(source, after)
            self._sent.starts[source.id] = start
            self._sent.marked[source.id] = latest
            placed.append(replace(source, start=min(start, stop)))
        return placed

    def _resumed(self, source: Source, after: Cursor) -> tuple[Source, int]:
        place = after.places.get(source.id)
        if place is None:
            marks = tuple(mark for mark in source.markers if mark.time >= after.since)
            since = reader.since(self._root, source.id, after.since)
            start = max(line_begin(self._root, source.id, since), begin(self._root, source, ALL))
            return replace(source, markers=marks), start
        marks = tuple(mark for mark in source.markers if mark.rank > place.mark)
        return replace(source, markers=marks), place.offset

    def _grown(
        self, grown: Iterable[ReplicaId], marks: dict[ReplicaId, list[Marker]]
    ) -> list[Source]:
        """Return what is new, line by line; all of it where a run has ended."""
        sources = []
        for id in sorted({*grown, *marks}):
            known = self._ends.get(id, 0)
            done = self._done.get(id, NONE)
            mine = tuple(sorted({m for m in marks.get(id, ()) if m.rank > done}, key=_rank))
            if mine:
                self._done[id] = mine[-1].rank
            if any(mark.ends for mark in mine):
                stop = reader.bounds(self._root, id)[1]
            else:
                stop = whole(self._root, id, known)
            if stop > known or mine:
                self._ends[id] = max(stop, known)
                sources.append(Source(id, start=known, stop=stop, markers=mine))
                self._sent.starts[id] = known
        return sources

    async def _searched(
        self, sources: Sequence[Source], wishes: Wanted, *, live: bool
    ) -> AsyncGenerator[bytes, None]:
        found = search(self._root, sources, wishes)
        while batch := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
            yield b"".join(self._framed(batch, live))
        if live:
            self._sent.read_up_to({source.id: source.stop or 0 for source in sources})

    def _framed(self, batch: Sequence[Found], live: bool) -> Iterator[bytes]:
        for number, (key, id, one) in enumerate(batch, 1):
            self._sent.note(key, id, one, live)
            most = MOST_PLACES if number == len(batch) else FEW_PLACES
            with_id = self._framing.has_ids and len(self._sent.places) <= most
            yield self._framing.frame(entry(id, one), self._sent.id if with_id else "")


ALL = Wanted()


def _rank(mark: Marker) -> Rank:
    return mark.rank


class _Sent:
    """What the client has got; `id` says so.

    Rule: a replica is in `places`, or nothing of it that is older than `since` is still to come
    and nothing that is younger has been sent.  `starts` are where the first line sent may be,
    `marked` when the last marker was that there was at first.
    """

    def __init__(self) -> None:
        self.places: dict[ReplicaId, Place] = {}
        self.starts: dict[ReplicaId, int] = {}
        self.marked: dict[ReplicaId, float] = {}
        self._since = 0.0
        self._touched: dict[ReplicaId, float] = {}

    @property
    def id(self) -> str:
        return encode(self._since, self.places)

    def resume(self, after: Cursor) -> None:
        self.places = dict(after.places)
        self._since = after.since

    def _place(self, id: ReplicaId) -> Place:
        return self.places.get(id) or Place(self.starts.get(id, 0))

    def note(self, key: float, id: ReplicaId, one: Line | Marker, live: bool) -> None:
        """A line or marker is sent; what there was `live` or not comes in the order of `key`."""
        place = self._place(id)
        if isinstance(one, Marker):
            self.places[id] = replace(place, mark=one.rank)
        else:
            end = one.offset + len(one.text)
            self.places[id] = replace(place, offset=max(place.offset, end))
        if not live:
            self._since = max(self._since, key)

    def caught_up(self, now: float, states: dict[ReplicaId, State]) -> None:
        """All that there was `now` (wall seconds) is sent, or was not wanted."""
        self._since = now - MARGIN
        young = [
            id
            for id, state in states.items()
            if max(state.modified, self.marked.get(id, 0.0)) > now - SETTLED
        ]
        sent = {id: self._place(id) for id in young}
        self.places = {
            id: replace(place, offset=max(states[id].whole, place.offset))
            for id, place in sent.items()
        }
        self._touched = dict.fromkeys(young, time.monotonic())

    def read_up_to(self, stops: dict[ReplicaId, int]) -> None:
        """All up to these offsets is sent or was not wanted; forget who has been silent for long.

        What is behind `whole` came later than the moment that covers it, or its beginning did:
        resuming goes back to the beginning of a line.
        """
        now = time.monotonic()
        for id, stop in stops.items():
            place = self._place(id)
            self.places[id] = replace(place, offset=max(place.offset, stop))
            self._touched.pop(id, None)
            self._touched[id] = now
        silent = [id for id, at in self._touched.items() if at < now - SETTLED]
        if silent:
            self._since = max(self._since, time.time() - MARGIN)
            for id in silent:
                del self._touched[id], self.places[id]


class _News:
    """Which logs have grown and which runs have begun and ended, brought into the event loop."""

    def __init__(self, view: LogView, service: Service, query: LogsQuery) -> None:
        self._view = view
        self._drain = service.drain
        self._meant = view.matcher(query)
        # A name means the same for ever, a label may be another task's by now.
        self._forgets = bool(query.namespace or query.label)
        self._known: dict[ReplicaId, bool] = {}
        self._marked = marked(replace(query, tail=None)) and query.run is None
        self._mailbox: Mailbox[None] = Mailbox(1 << 30)
        self._grown: set[ReplicaId] = set()
        self._marks: dict[ReplicaId, list[Marker]] = {}
        self._loop = asyncio.get_running_loop()
        self._ends: list[Callable[[], None]] = []

    def open(self, subscribe: Subscribe) -> None:
        self._ends.append(subscribe(None, self._on_growth))
        if self._marked:
            self._ends.append(self._view.manager.history.listen(self._on_notes))

    def close(self) -> None:
        for end in self._ends:
            end()

    async def batches(
        self, stopping: asyncio.Event | None
    ) -> AsyncGenerator[tuple[set[ReplicaId], dict[ReplicaId, list[Marker]]], None]:
        async for _ in self._mailbox.batches(stopping):
            grown, self._grown = self._grown, set()
            marks, self._marks = self._marks, {}
            yield grown, marks

    # In the log thread.

    def _on_growth(self, id: ReplicaId, end: int) -> None:
        meant = self._known.get(id)
        if meant is None or self._forgets:
            meant = self._known[id] = self._meant(id)
        if meant:
            self._soon(lambda: self._note(id))

    def _soon(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            pass  # The loop has ended, and with it whoever followed.

    # In the event loop.

    def _note(self, id: ReplicaId) -> None:
        if id not in self._grown:
            self._grown.add(id)
            self._mailbox.put(None)

    def _on_notes(self, first: int, notes: Sequence[Note]) -> None:
        for note in notes:
            if note.run is None or note.replica is None or note.kind.endswith("ready"):
                continue
            id = ReplicaId(note.task, note.replica)
            if self._meant(id):
                self._look_at(id, note.run, began=note.kind == "replica.up")

    def _look_at(self, id: ReplicaId, number: int, *, began: bool) -> None:
        """Mark what has become of a run; its end when all that it wrote is on file."""
        run = self._view.manager.store.run(number)
        for mark in markers_of(run) if run is not None else ():
            if mark.ends and self._drain is not None:
                self._drain(number).add_done_callback(
                    lambda _, mark=mark: self._soon(partial(self._mark, id, mark))  # type: ignore[misc]
                )
            elif mark.ends or began:
                self._mark(id, mark)

    def _mark(self, id: ReplicaId, mark: Marker) -> None:
        marks = self._marks.setdefault(id, [])
        if len(marks) < MOST_MARKERS and mark not in marks:
            marks.append(mark)
            self._mailbox.put(None)

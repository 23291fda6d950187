"""/v1/events: what happens, as it happens, resumable without gap or repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase

from proctor.core.hosts import is_internal
from proctor.core.model import Note
from proctor.manager import Manager

from .errors import Problem, Refused
from .oapi import Call, Nothing
from .reply import Stream
from .schemas.streams import EventsQuery
from .streams import EVENTS, Framing
from .tail import Behind, Event, Tail
from .websocket import TRY_LATER, WebSocket

Request = Call[EventsQuery, Nothing]


class Events:
    """The handlers; the past is in the store, the present comes from the manager's history."""

    def __init__(self, manager: Manager) -> None:
        self._tail = Tail(manager.store, manager.history)

    async def follow(self, call: Request) -> Stream:
        """Begin behind the event that the client saw last, or now."""
        framing = Framing(call.header(b"accept"), default=EVENTS)
        return Stream(self._chunks(call, framing, self._begin(call)), framing.headers)

    async def watch(self, call: Request, socket: WebSocket) -> None:
        """The same over a WebSocket, one event a message."""
        at = self._begin(call)
        await socket.accept()
        await socket.until_gone(self._messages(call, socket, at))

    def _begin(self, call: Request) -> int:
        """Return the id of the event to begin behind.  Raises Refused."""
        after = call.query.after if call.query.after is not None else _last_seen(call)
        if after is None:
            return self._tail.last
        first, last = self._tail.first, self._tail.last
        if first - 1 <= after <= last:
            return after
        # Later ones than the last may have been: a power cut takes what was saved just before.
        raise Refused(
            Problem(410, f"only events {first} to {last} are kept: begin anew, without `after`")
        )

    async def _chunks(
        self, call: Request, framing: Framing, at: int
    ) -> AsyncGenerator[bytes, None]:
        yield framing.bookmark(at)  # Who has seen nothing yet can resume, too.
        try:
            async with aclosing(self._batches(call, at)) as batches:
                async for at, batch in batches:
                    frames = [framing.framed(event.json, event.id) for event in batch]
                    yield b"".join(frames) or framing.bookmark(at)
        except Behind:
            pass  # The client comes again, and is told.

    async def _messages(self, call: Request, socket: WebSocket, at: int) -> None:
        try:
            async with aclosing(self._batches(call, at)) as batches:
                async for _, batch in batches:
                    for event in batch:
                        await socket.send(event.json.decode())
        except Behind:
            await socket.close(TRY_LATER, "too slow: what comes next is no longer kept")

    async def _batches(
        self, call: Request, at: int
    ) -> AsyncGenerator[tuple[int, Sequence[Event]], None]:
        """Yield what is wanted of what happens, with the id looked up to, until the limit."""
        fits = _filter(call.query)
        left = call.query.limit
        async with aclosing(self._tail.batches(at, call.stopping)) as batches:
            async for batch in batches:
                at = batch[-1].id if batch else at
                wanted = [event for event in batch if fits(event.note)][:left]
                if wanted or not batch:
                    yield at, wanted
                if left is not None and (left := left - len(wanted)) <= 0:
                    return


def _last_seen(call: Request) -> int | None:
    """Return the Last-Event-ID that a browser sends when it connects again."""
    text = call.header(b"last-event-id")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _filter(query: EventsQuery) -> Callable[[Note], bool]:
    patterns = [part.partition(":") for part in query.task.split(",") if part]

    def fits(note: Note) -> bool:
        if is_internal(note.task) and not query.internal:
            return False
        return not patterns or any(
            fnmatchcase(note.task, name) and (index in ("", "*") or index == str(note.replica))
            for name, _, index in patterns
        )

    return fits

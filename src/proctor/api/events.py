"""/v1/events: what happens, as it happens, resumable without gap or repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from proctor.core.model import Note
from proctor.manager import Manager

from .errors import Problem, Refused
from .oapi import Call, Nothing
from .reply import Stream
from .schemas.streams import EventEntry, EventsQuery
from .streams import EVENTS, Framing, Mailbox

MOST_WAITING = 10_000
PAGE = 1000

Numbered = tuple[int, Note]


class Events:
    """The handler; the past is in the store, the present comes from the manager's history."""

    def __init__(self, manager: Manager) -> None:
        self._store = manager.store
        self._history = manager.history

    async def follow(self, call: Call[EventsQuery, Nothing]) -> Stream:
        """Begin behind the event that the client saw last, or now."""
        framing = Framing(call.header(b"accept"), default=EVENTS)
        since = call.query.since if call.query.since is not None else _last_seen(call)
        if since is not None and since < self._store.first_event() - 1:
            raise Refused(
                Problem(
                    410,
                    f"events up to {self._store.first_event() - 1} are no longer kept: "
                    "begin anew, without `since`",
                )
            )
        return Stream(self._chunks(call, framing, since), framing.headers)

    async def _chunks(
        self, call: Call[EventsQuery, Nothing], framing: Framing, since: int | None
    ) -> AsyncGenerator[bytes, None]:
        # Listening begins before the past is read: what happens in between comes twice, and the
        # second time is passed over by its number.
        mailbox: Mailbox[Numbered] = Mailbox(MOST_WAITING)
        end = self._history.listen(lambda first, notes: mailbox.put(*enumerate(notes, first)))
        fits = _filter(call.query.task)
        at = self._store.last_event if since is None else since
        left = call.query.limit
        try:
            yield framing.sign_of_life
            async for batch in self._batches(mailbox, at, call):
                fresh = [(id, note) for id, note in batch if id > at and fits(note)]
                at = max(at, batch[-1][0]) if batch else at
                fresh = fresh if left is None else fresh[:left]
                yield _framed(framing, fresh) or framing.sign_of_life
                if left is not None and (left := left - len(fresh)) <= 0:
                    return
        finally:
            end()

    async def _batches(
        self, mailbox: Mailbox[Numbered], at: int, call: Call[EventsQuery, Nothing]
    ) -> AsyncGenerator[Sequence[Numbered], None]:
        while page := self._store.events(at, PAGE):
            yield page
            at = page[-1][0]
        async for batch in mailbox.batches(call.stopping):
            yield batch


def _last_seen(call: Call[EventsQuery, Nothing]) -> int | None:
    """Return the Last-Event-ID that a browser sends when it connects again."""
    text = call.header(b"last-event-id")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _filter(selector: str) -> Callable[[Note], bool]:
    patterns = [part.partition(":") for part in selector.split(",") if part]
    if not patterns:
        return lambda note: True

    def fits(note: Note) -> bool:
        return any(
            fnmatchcase(note.task, name) and (index in ("", "*") or index == str(note.replica))
            for name, _, index in patterns
        )

    return fits


def _framed(framing: Framing, events: Iterable[Numbered]) -> bytes:
    return b"".join(
        framing.frame(
            EventEntry(id, n.at, n.kind, n.task, n.replica, n.run, n.pid, n.reason, n.actor),
            str(id),
        )
        for id, n in events
    )

"""The last events in memory, for all who follow them; while nobody does, nothing is kept.

Rule: a follower has only its place.  One that is slow, or has stopped reading, costs no memory and
holds nobody up: what it has not seen is read from the store when it comes to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import msgspec

from proctor.core.model import Note

from .schemas.streams import EventEntry
from .streams import KEEP_ALIVE

RECENT = 5000
"""Events kept in memory, at least while there are followers."""
PAGE = 500
"""Events handed out at once."""
BREATH = 0.02
"""Seconds from one waking of the followers to the next: a thousand events a second wake a hundred
followers fifty times, not a thousand."""

_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """An event, with its JSON, which is made once for all followers."""

    id: int
    note: Note
    json: bytes


class Store(Protocol):
    """The past, as proctor.store keeps it."""

    last_event: int

    def first_event(self) -> int: ...

    def events(self, after: int, limit: int) -> list[tuple[int, Note]]: ...


class History(Protocol):
    """The present, as proctor.history tells it."""

    def listen(self, listener: Callable[[int, Sequence[Note]], None], /) -> Callable[[], None]: ...


class Behind(Exception):
    """The follower is so far behind that what it has not seen is kept no more."""


class Tail:
    """For the event loop's thread."""

    def __init__(self, store: Store, history: History) -> None:
        self._store = store
        self._history = history
        self._followers = 0
        self._recent: list[Event] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._breath: asyncio.TimerHandle | None = None
        self._news = False

    @property
    def last(self) -> int:
        """The id of the last event."""
        return self._store.last_event

    @property
    def first(self) -> int:
        """The id of the oldest event that is kept."""
        return self._store.first_event()

    async def batches(
        self, at: int, stopping: asyncio.Event | None
    ) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events later than `at`, an empty batch when there were none for a while.

        It ends with `stopping`.  Raises Behind.
        """
        stop = asyncio.ensure_future(_is_set(stopping))
        try:
            with self._followed():
                while not stop.done():
                    batch = self._after(at)
                    if batch:
                        at = batch[-1].id
                        yield batch
                    elif not await self._wait(stop):
                        yield ()
        finally:
            stop.cancel()

    @contextmanager
    def _followed(self) -> Iterator[None]:
        if self._followers == 0:
            self._end = self._history.listen(self._on_notes)
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1
            if self._followers == 0:
                self._end()
                self._recent.clear()

    def _after(self, at: int) -> Sequence[Event]:
        """Return the next events later than `at`, from memory if they are there."""
        if at >= self.last:
            return ()
        if self._recent and at >= self._recent[0].id - 1:
            begin = at + 1 - self._recent[0].id
            return self._recent[begin : begin + PAGE]
        if at < self.first - 1:
            raise Behind
        return list(_events(self._store.events(at, PAGE)))

    async def _wait(self, stop: asyncio.Task[None]) -> bool:
        """Wait for news or the end; return whether any came."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            done, _ = await asyncio.wait(
                (future, stop), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._waiting.discard(future)
        return bool(done)

    def _on_notes(self, first: int, notes: Sequence[Note]) -> None:
        self._recent += _events(enumerate(notes, first))
        if len(self._recent) > 2 * RECENT:
            del self._recent[:-RECENT]
        self._news = True
        if self._breath is None:
            self._wake()

    def _wake(self) -> None:
        self._breath = None
        if not self._news:
            return
        self._news = False
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._breath = asyncio.get_running_loop().call_later(BREATH, self._wake)


async def _is_set(stopping: asyncio.Event | None) -> None:
    await (stopping or asyncio.Event()).wait()


def _events(numbered: Iterable[tuple[int, Note]]) -> Iterator[Event]:
    for id, n in numbered:
        entry = EventEntry(id, n.at, n.kind, n.task, n.replica, n.run, n.pid, n.reason, n.actor)
        yield Event(id, n, _encode(entry))

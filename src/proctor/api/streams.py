"""What streams have in common: two ways to frame, a bounded queue, and an end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

import msgspec

from .reply import NO_SNIFF, NO_STORE, Header

T = TypeVar("T")

LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""

_encode = msgspec.json.Encoder().encode


class Framing:
    """Turns values into bytes: JSON lines, or server-sent events if the client asks for them."""

    def __init__(self, accept: str, *, default: str) -> None:
        wanted = [kind for kind in (EVENTS, LINES) if kind in accept]
        self.kind = wanted[0] if wanted else default

    @property
    def headers(self) -> tuple[Header, ...]:
        return ((b"content-type", self.kind.encode()), NO_STORE, NO_SNIFF)

    def frame(self, value: object, id: str = "") -> bytes:
        return self.framed(_encode(value), id)

    def framed(self, line: bytes, id: int | str = "") -> bytes:
        """Frame what is JSON already."""
        if self.kind == LINES:
            return line + b"\n"
        head = b"" if id == "" else b"id: %b\n" % str(id).encode()
        return head + b"data: " + line + b"\n\n"

    @property
    def has_ids(self) -> bool:
        return self.kind == EVENTS

    def bookmark(self, id: int) -> bytes:
        """Frame nothing but the id to go on behind, which makes it a sign of life as well."""
        return b"id: %d\n\n" % id if self.has_ids else self.sign_of_life

    @property
    def sign_of_life(self) -> bytes:
        return b"\n" if self.kind == LINES else b": \n\n"


class Mailbox(Generic[T]):
    """What has to be sent, at most `most` things: a reader that is too slow loses its stream.

    `put` is for the event loop's thread.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: deque[T] = deque()
        self._news = asyncio.Event()
        self.overflowed = False

    def put(self, *things: T) -> None:
        if len(self._things) + len(things) > self._most:
            self.overflowed = True
        else:
            self._things.extend(things)
        self._news.set()

    async def batches(self, stopping: asyncio.Event | None) -> AsyncGenerator[list[T], None]:
        """Yield what has come, an empty list when nothing did for a while; end when stopping."""
        stop = asyncio.ensure_future(stopping.wait()) if stopping is not None else None
        try:
            while not (stop and stop.done()):
                news = asyncio.ensure_future(self._news.wait())
                waits = {news} if stop is None else {news, stop}
                try:
                    await asyncio.wait(
                        waits, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:  # The reader may hang up meanwhile.
                    news.cancel()
                self._news.clear()
                things, self._things = list(self._things), deque()
                yield things
                if self.overflowed:
                    return
        finally:
            if stop is not None:
                stop.cancel()

"""One request and its response: what ASGI calls `receive` and `send`, over a connection.

The head of a response waits for the first piece of its body, so that a small response is one
write, one packet and one wake-up of the client.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol

from proctor.log import get_logger

from .errors import INTERNAL, Problem, seed
from .reply import App, Disconnected, Header, Message, Scope

log = get_logger("api")

HIGH_WATER = 64 * 1024
"""Bytes of a body that are kept while nobody asks for them; then the client has to wait."""

_STATUS_LINE = {s.value: b"HTTP/1.1 %d %s\r\n" % (s, s.phrase.encode()) for s in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Line(Protocol):
    """What an exchange needs of its connection."""

    async def write(self, data: bytes) -> None:
        """Send, once the client has read enough of what came before.  Raises Disconnected."""

    def body_taken(self) -> None:
        """There is room for more of the body."""

    def finished(self, exchange: Exchange) -> None:
        """The response is complete."""

    def abort(self) -> None: ...


class Exchange:
    """Rule: nothing is read of the body beyond HIGH_WATER before `receive` has asked for it.

    `done`: the response is complete.  `broken`: what the client did wrong within its body.
    """

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.done = False
        self.broken: Problem | None = None
        self._line = line
        self._expects = expects
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._body = bytearray()
        self._body_ended = False
        self._body_given = False
        self._head: bytes | None = None
        self._started = False
        self._chunked = False
        self._left: int | None = None

    # What the connection tells.

    @property
    def full(self) -> bool:
        return len(self._body) > HIGH_WATER and not self.done

    def add_body(self, data: bytes) -> None:
        if not self.done:
            self._body += data
            self._wake()

    def end_body(self) -> None:
        self._body_ended = True
        self._wake()

    def lose(self, broken: Problem | None = None) -> None:
        """No more of the body will come; without `broken` no response can be sent either."""
        self._lost = True
        self.broken = broken
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the application does.

    async def run(self, app: App) -> None:
        """Have the request answered: by the application, or, should that fail, by a 500."""
        try:
            await app(self.scope, self.receive, self.send)
            if not self.done and not self._lost:
                log.error("response_unfinished", **self._what())
                self._line.abort()
        except Disconnected:
            pass
        except Exception:
            log.exception("request_failed", **self._what())
            await self._fail(INTERNAL)
        if self.broken is not None:
            await self._fail(self.broken)

    def _what(self) -> dict[str, str]:
        return {"method": self.scope["method"], "path": self.scope["path"]}

    async def _fail(self, problem: Problem) -> None:
        if self._started:
            self._line.abort()  # Half a response: the client has to see that it is none.
            return
        self._head = None
        self.keep_alive = False
        self.done = True
        try:
            await self._line.write(raw_response(problem))
        except Disconnected:
            return
        self._line.finished(self)

    async def receive(self) -> Message:
        if self._expects and not self._started:
            self._expects = False
            await self._line.write(_CONTINUE)
        while not self._ready():
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._lost or self.done:
            return {"type": "http.disconnect"}
        body = bytes(self._body)
        self._body.clear()
        self._line.body_taken()
        self._body_given = self._body_ended
        return {"type": "http.request", "body": body, "more_body": not self._body_ended}

    def _ready(self) -> bool:
        if self._lost or self.done:
            return True
        return not self._body_given and (self._body_ended or len(self._body) > 0)

    async def send(self, message: Message) -> None:
        if self._lost:
            raise Disconnected
        if message["type"] == "http.response.start":
            self._head = self._make_head(message["status"], message["headers"])
            return
        assert not self.done, "a response goes on behind its end"
        more = message.get("more_body", False)
        data = self._framed(message.get("body", b""), more)
        if self._head is not None:
            data = self._head + data
            self._head = None
        self._started = True
        if data:
            await self._line.write(data)
        if not more:
            assert not self._left, "a response is shorter than its length"
            self.done = True
            self._wake()
            self._line.finished(self)

    def _make_head(self, status: int, headers: list[Header]) -> bytes:
        parts = [_STATUS_LINE[status]]
        for name, value in headers:
            assert b"\n" not in value, name
            assert b"\r" not in value, name
            parts += (name, b": ", value, b"\r\n")
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection":
                self.keep_alive = False
        if self._left is None and self.scope["http_version"] == "1.1":
            self._chunked = True
            parts.append(b"transfer-encoding: chunked\r\n")
        elif self._left is None:
            self.keep_alive = False
        if not self.keep_alive and (b"connection", b"close") not in headers:
            parts.append(b"connection: close\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)

    def _framed(self, body: bytes, more: bool) -> bytes:
        if self.scope["method"] == "HEAD":
            self._left = 0
            return b""
        if self._left is not None:
            self._left -= len(body)
        if not self._chunked:
            return body
        piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return piece if more else piece + b"0\r\n\r\n"


def raw_response(problem: Problem) -> bytes:
    """Return a whole response, after which the connection is closed."""
    reply = seed(problem)
    parts = [_STATUS_LINE[problem.status]]
    for name, value in reply.headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(reply.body))
    return b"".join([*parts, reply.body])

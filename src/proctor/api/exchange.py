"""One request and its response, between the connection and the application: what ASGI calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import cache

from .reply import App, Header, Message, Scope
from .wire import Wire

MERGED = 64 * 1024
"""Bytes of a body's first piece that are copied to go out together with the head."""
MOST_UNREAD = 64 * 1024
"""Bytes of a request's body after which nothing more is read until the application takes them."""


class Exchange:
    """The head of the response waits for the first piece of its body, so that a small response is
    one write, one packet and one wake-up of the client.

    `more_body`: of the request, more is to come.  `started`, `complete`: the response.
    """

    def __init__(
        self,
        wire: Wire,
        scope: Scope,
        *,
        keep_alive: bool,
        expects_continue: bool,
        on_complete: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._scope = scope
        self._on_complete = on_complete
        self._expects_continue = expects_continue
        self._body = bytearray()
        self._news = asyncio.Event()
        self._head: bytes | None = None
        self._chunked = False
        self._is_head = scope["method"] == "HEAD"
        self.keep_alive = keep_alive
        self.more_body = True
        self.disconnected = False
        self.started = False
        self.complete = False

    async def run(self, app: App) -> None:
        """Have the application answer.  What it leaves open is cut off, which the client sees."""
        try:
            await app(self._scope, self.receive, self.send)
        finally:
            if not self.complete and not self.disconnected:
                self._wire.close()

    # What the connection tells.

    def feed(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > MOST_UNREAD:
            self._wire.pause_reading()
        self._news.set()

    def end(self) -> None:
        """The request is there whole."""
        self.more_body = False
        self._news.set()

    def disconnect(self) -> None:
        """Nothing more will come, and nobody is there to answer."""
        self.disconnected = not self.complete
        self._news.set()

    # What the application calls.

    async def receive(self) -> Message:
        if self._expects_continue and not self._wire.is_closing():
            self._expects_continue = False
            self._wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.disconnected and not self.complete:
            self._wire.resume_reading()
            await self._news.wait()
            self._news.clear()
        if self.disconnected or self.complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        if self._wire.write_paused and not self.disconnected:
            await self._wire.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        else:
            self._send_body(message["body"], message.get("more_body", False))

    def _begin(self, status: int, headers: Iterable[Header]) -> None:
        assert not self.started
        self.started = True
        self._expects_continue = False
        lines = [status_line(status)]
        framed = False
        for name, value in headers:
            if b"\n" in value or b"\r" in value:
                raise ValueError(f"header {name!r} of more than one line")
            framed = framed or name == b"content-length"
            if name == b"connection" and value == b"close":
                self.keep_alive = False
                continue
            lines += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        # HTTP/1.0 knows no chunks: there the end of the connection is that of the body.
        if not framed and self._scope["http_version"] != "1.0":
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    def _send_body(self, body: bytes, more: bool) -> None:
        assert self.started
        assert not self.complete
        if self._is_head:
            body = b""
        elif self._chunked:
            body = _chunk(body) + (b"" if more else b"0\r\n\r\n")
        head, self._head = self._head, None
        if head is not None and len(body) > MERGED:
            self._wire.write(head)
            head = None
        if data := body if head is None else head + body:
            self._wire.write(data)
        if not more:
            self.complete = True
            self._news.set()
            if not self.keep_alive:
                self._wire.close()
            self._on_complete()


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


@cache
def status_line(status: int) -> bytes:
    """Return the first line of a response."""
    if status == 200:
        return b"HTTP/1.1 200 OK\r\n"
    from http import HTTPStatus  # Where all goes well it is not needed.

    return b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())

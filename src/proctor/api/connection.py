"""One HTTP connection: uvicorn's, with what a service that must not be held up needs besides.

It bounds the size of a request's head and the time it may take, gives up on clients that do not
read, and says what is wrong as JSON.  Clients that do none of this cost no timer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .errors import Problem, seed

MAX_HEAD = 64 * 1024
HEAD_SECONDS = 30.0
STALL_SECONDS = 60.0
MAX_CONNECTIONS = 1000


class HeadTooLarge(Exception):
    """Ends the parsing of a request."""


class Connection(HttpToolsProtocol):
    """`_timer` runs while a head is awaited or incomplete, and while the client does not read."""

    transport: asyncio.Transport
    _head_size = 0
    _in_head = False
    _too_large = False
    _timer: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(Problem(503, "too many connections"))
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for timer in (self._timer, self._stall):
            if timer is not None:
                timer.cancel()
        if not self.connections:
            closed: asyncio.Event = self.app_state["all_closed"]
            closed.set()

    # A request's head: its size and its time.

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD:
            self._too_large = True
            raise HeadTooLarge

    def _watch_head(self) -> None:
        """Have a timer if and only if the client owes us a head."""
        cycle: Any = self.cycle
        owed = self._in_head or cycle is None or cycle.response_complete
        if owed and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._head_overdue)
        elif not owed and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_overdue(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(Problem(408, f"no whole request came within {HEAD_SECONDS:g} seconds"))
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._refuse(Problem(431, f"the request's head is larger than {MAX_HEAD} bytes"))
        else:
            self._refuse(Problem(400, "this is no valid HTTP request"))

    def _refuse(self, problem: Problem) -> None:
        """Answer without a request, unless an answer is under way, and close."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_raw(problem))
        self.transport.close()

    # A client that does not read what it asked for.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(STALL_SECONDS, self._check_stall)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _check_stall(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= self._unsent:
            self.transport.abort()
            return
        self._unsent = unsent
        self._stall = self.loop.call_later(STALL_SECONDS, self._check_stall)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # Closing would wait until the client has read it all.
        else:
            super().timeout_keep_alive_handler()


def _raw(problem: Problem) -> bytes:
    reply = seed(problem)
    lines = [b"HTTP/1.1 %d %s" % (problem.status, _REASONS[problem.status])]
    lines += [name + b": " + value for name, value in reply.headers]
    lines += [b"content-length: %d" % len(reply.body), b"connection: close", b"", reply.body]
    return b"\r\n".join(lines)


_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}

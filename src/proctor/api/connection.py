"""One HTTP connection: uvicorn's, with what a service that must not be held up needs besides.

It bounds a request's head in size and time, gives up on clients that do not read, says what is
wrong as JSON, and sends a small response in one piece.  Good clients cost it no timer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .actor import peer_of
from .errors import Problem, seed
from .wire import Wire

NO_HTTP = Problem(400, "this is no valid HTTP request")
MAX_PIPELINED = 100
"""Requests on one connection whose answers are due; no client we know sends ahead at all."""


class ConnectionLimits(Struct, frozen=True):
    """`head`: bytes of a request line and headers; `head_seconds` until they are there whole.

    `stall_seconds`: how long a client may read nothing of what is sent to it.
    `keep_alive`: seconds an idle connection is kept for another request.
    """

    connections: int = 1000
    head: int = 64 * 1024
    head_seconds: float = 30.0
    stall_seconds: float = 60.0
    keep_alive: int = 15


class Connection(HttpToolsProtocol):
    """`_timer` runs while the client owes us a head.  `_deaf`: nothing more is parsed."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        app_state: dict[str, Any],
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, state, app_state)
        self._limits = limits
        self._chunk = 0
        self._head_size = 0  # No more than was received of it.
        self._in_head = False
        self._deaf = False
        self._timer: asyncio.TimerHandle | None = None
        self._wire: Wire

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._wire = Wire(transport, self._limits.stall_seconds)
        self.app_state = {**self.app_state, "peer": peer_of(transport)}
        super().connection_made(self._wire)
        if len(self.connections) > self._limits.connections:
            self._refuse(Problem(503, "too many connections"))
        else:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._wire.lost()
        for timer in (self._timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()

    def handle_websocket_upgrade(self) -> None:
        self._deaf = True
        self._watch_head()
        self.transport = self._wire.bare
        super().handle_websocket_upgrade()

    # A request's head: its size and its time.

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._chunk = len(data)
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > self._limits.head and not self._deaf:
            self.send_400_response("")
        self._watch_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        # Of a large chunk most may belong to the body before.
        self._head_size = self._chunk if self._chunk <= self._limits.head else 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.pipeline) >= MAX_PIPELINED - 1:
            raise ValueError  # Ends the parsing.
        if self._chunk > self._limits.head:
            self._head_size = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
            if self._head_size > self._limits.head:
                raise ValueError
        super().on_headers_complete()

    def _watch_head(self) -> None:
        """Have a timer if and only if the client owes us a head."""
        if self._timer is None:
            if self._at_rest and not self._deaf and not self.transport.is_closing():
                self._timer = self.loop.call_later(self._limits.head_seconds, self._overdue)
        elif not self._at_rest or self._deaf:
            self._timer.cancel()
            self._timer = None

    @property
    def _at_rest(self) -> bool:
        """Whether no answer is due."""
        return self.cycle is None or self.cycle.response_complete

    def _overdue(self) -> None:
        self._timer = None
        if not self._at_rest:
            return
        if self._in_head:
            seconds = self._limits.head_seconds
            self._refuse(Problem(408, f"no whole request came within {seconds:g} seconds"))
        else:
            self.transport.abort()

    # What is no request that we answer.

    def send_400_response(self, msg: str) -> None:
        """Say that it is none: at once, or after the answers that are due before."""
        problem = NO_HTTP
        if self._head_size > self._limits.head:
            problem = Problem(431, f"the request's head is larger than {self._limits.head} bytes")
        if self._at_rest:
            self._refuse(problem)
        elif not self.cycle.more_body:
            self._deaf = True
            self.cycle.keep_alive = False
        elif self.pipeline or self.cycle.response_started:
            self.transport.abort()
        else:
            self.cycle.disconnected = True  # Its handler is told that no more will come.
            self.cycle.message_event.set()
            self._refuse(problem)

    def _refuse(self, problem: Problem) -> None:
        self._deaf = True
        self._wire.bare.write(_raw(problem))
        self._wire.close()

    # Sending.

    def on_response_complete(self) -> None:
        self._wire.response_complete()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wire.stall.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wire.stall.unwatch()


def _raw(problem: Problem) -> bytes:
    reply = seed(problem)
    lines = [b"HTTP/1.1 %d %s" % (problem.status, HTTPStatus(problem.status).phrase.encode())]
    lines += [name + b": " + value for name, value in reply.headers]
    lines += [b"content-length: %d" % len(reply.body), b"connection: close", b"", reply.body]
    return b"\r\n".join(lines)

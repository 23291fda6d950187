"""One HTTP/1.1 connection, on httptools, as a service has it that must not be held up.

It bounds a request's head in size and time, gives up on clients that do not read, says what is
wrong as JSON, and sends a small response in one piece.  Good clients cost it no timer but that of
a connection that is kept for another request.

uvicorn's would do most of it, but importing it takes longer than all else that a start takes.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections import deque
from collections.abc import Callable
from typing import Any

import httptools
from msgspec import Struct, field

from .actor import peer_of
from .errors import Problem, dialect_of
from .exchange import Exchange, status_line
from .reply import App, Header, Reply, Scope
from .wire import Wire

NO_HTTP = Problem(400, "this is no valid HTTP request")
MAX_PIPELINED = 100
"""Requests on one connection whose answers are due; no client we know sends ahead at all."""

LINGER = 0.05
"""Seconds that a client has to say what it wants when the service is about to end: what was sent
while we did not look would be answered with a reset."""

ASGI = {"version": "3.0", "spec_version": "2.3"}


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


class Hub(Struct):
    """What all connections of a server share.

    `state` is given to every request; `upgrade` makes the protocol of a WebSocket.
    """

    app: App
    limits: ConnectionLimits
    connections: set[Any]
    upgrade: Callable[[dict[str, Any]], Any]
    state: dict[str, Any]
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """`_due` are the requests that have no whole response yet, the first one being answered.

    `_receiving` is the newest request, whose body may still come.  `_timer` runs while the client
    owes us a head.  `_deaf`: nothing more is parsed.  `_is_last`: no request is waited for after
    the next one.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._limits = hub.limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._due: deque[Exchange] = deque()
        self._receiving: Exchange | None = None
        self._url = b""
        self._headers: list[Header] = []
        self._expects_continue = False
        self._chunk = 0
        self._head_size = 0  # No more than was received of it.
        self._in_head = False
        self._deaf = False
        self._is_last = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport
        self._wire: Wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._wire = Wire(transport, self._limits.stall_seconds)
        self._state = {**self._hub.state, "peer": peer_of(transport)}
        self._server = _address(transport.get_extra_info("sockname"))
        self._client = _address(transport.get_extra_info("peername"))
        self._hub.connections.add(self)
        if len(self._hub.connections) > self._limits.connections:
            self._refuse(Problem(503, "too many connections"))
        else:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hub.connections.discard(self)
        for exchange in self._due:
            exchange.disconnect()
        self._wire.lost()
        self._deaf = True
        for timer in (self._timer, self._idle):
            if timer is not None:
                timer.cancel()

    def shutdown(self) -> None:
        """Answer what is asked already, or on its way to us, then close."""
        self._is_last = True
        if self._due:
            self._due[-1].keep_alive = False
        else:
            self._stop_idling()
            self._idle = self._loop.call_later(LINGER, self._part)

    def _part(self) -> None:
        if not self._due:
            self._wire.close()

    def pause_writing(self) -> None:
        self._wire.pause_writing()

    def resume_writing(self) -> None:
        self._wire.resume_writing()

    # What comes.

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if not self._is_last:
            self._stop_idling()
        self._chunk = len(data)
        if self._in_head:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._is_websocket:
                self._upgrade()
                return
        except httptools.HttpParserError:
            self._complain()
        if self._in_head and self._head_size > self._limits.head and not self._deaf:
            self._complain()
        self._watch_head()

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._expects_continue = False
        self._in_head = True
        # Of a large chunk most may belong to the body before.
        self._head_size = self._chunk if self._chunk <= self._limits.head else 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self._due) >= MAX_PIPELINED:
            raise ValueError  # Ends the parsing.
        if self._chunk > self._limits.head:
            self._head_size = len(self._url) + sum(len(n) + len(v) + 4 for n, v in self._headers)
            if self._head_size > self._limits.head:
                raise ValueError
        if self._is_websocket:
            return
        version = self._parser.get_http_version()
        exchange = Exchange(
            self._wire,
            self._scope(version),
            keep_alive=self._parser.should_keep_alive() and version != "1.0" and not self._is_last,
            expects_continue=self._expects_continue,
            on_complete=self._answered,
        )
        self._receiving = exchange
        self._due.append(exchange)
        if len(self._due) == 1:
            self._answer(exchange)
        else:
            self._wire.pause_reading()

    def on_body(self, body: bytes) -> None:
        if self._receiving is not None and not self._receiving.complete:
            self._receiving.feed(body)

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.end()

    def _scope(self, version: str) -> Scope:
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "root_path": "",
            "headers": self._headers,
            "server": self._server,
            "client": self._client,
            "state": self._state,
        }

    # Answers.

    def _answer(self, exchange: Exchange) -> None:
        task = self._loop.create_task(exchange.run(self._hub.app))
        self._hub.tasks.add(task)
        task.add_done_callback(self._hub.tasks.discard)

    def _answered(self) -> None:
        """The first response that was due is complete."""
        self._due.popleft()
        if self.transport.is_closing():
            return
        self._wire.resume_reading()
        if self._due:
            self._answer(self._due[0])
        else:
            self._idle = self._loop.call_later(self._limits.keep_alive, self._wire.close)

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    # A head that does not come, and what is no request that we answer.

    def _watch_head(self) -> None:
        """Have a timer if and only if the client owes us a head."""
        if self._timer is None:
            if not self._due and not self._deaf and not self.transport.is_closing():
                self._timer = self._loop.call_later(self._limits.head_seconds, self._overdue)
        elif self._due or self._deaf:
            self._timer.cancel()
            self._timer = None

    def _overdue(self) -> None:
        self._timer = None
        if self._due:
            return
        if self._in_head:
            seconds = self._limits.head_seconds
            self._refuse(Problem(408, f"no whole request came within {seconds:g} seconds"))
        else:
            self.transport.abort()

    def _complain(self) -> None:
        """Say that it is no request: at once, or after the answers that are due before."""
        problem = NO_HTTP
        if self._head_size > self._limits.head:
            problem = Problem(431, f"the request's head is larger than {self._limits.head} bytes")
        newest = self._due[-1] if self._due else None
        if newest is None:
            self._refuse(problem)
        elif not newest.more_body:
            self._deaf = True
            newest.keep_alive = False
        elif len(self._due) > 1 or newest.started:
            self.transport.abort()
        else:
            newest.disconnect()
            self._refuse(problem)

    def _refuse(self, problem: Problem) -> None:
        self._deaf = True
        path = self._url.decode("latin-1")  # As much of it as has come.
        self._wire.write(_raw(dialect_of(path)(problem)))
        self._wire.close()

    # WebSockets.

    @property
    def _is_websocket(self) -> bool:
        if not self._parser.should_upgrade():
            return False
        asked = dict(self._headers)
        tokens = asked.get(b"connection", b"").lower().split(b",")
        return (
            b"upgrade" in map(bytes.strip, tokens)
            and asked.get(b"upgrade", b"").lower() == b"websocket"
        )

    def _upgrade(self) -> None:
        """Hand the connection over, with the request as it came."""
        self._deaf = True
        self._watch_head()
        self._hub.connections.discard(self)
        lines = [b"%b %b HTTP/1.1\r\n" % (self._parser.get_method(), self._url)]
        lines += [b"%b: %b\r\n" % header for header in self._headers]
        protocol = self._hub.upgrade(self._state)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(b"".join([*lines, b"\r\n"]))


def _address(name: Any) -> tuple[str, int | None] | None:
    """Return an address as ASGI has it: host and port, or a Unix socket's path."""
    if isinstance(name, tuple):
        return str(name[0]), int(name[1])
    return (str(name), None) if name else None


def _raw(reply: Reply) -> bytes:
    lines = [status_line(reply.status)]
    lines += [b"%b: %b\r\n" % header for header in reply.headers]
    lines += [b"content-length: %d\r\nconnection: close\r\n\r\n" % len(reply.body), reply.body]
    return b"".join(lines)

"""One HTTP/1.1 connection: bytes to requests, one after the other, and what clients may not do.

Rule 1: while a client owes us something (a head, the rest of a body, the next request) a timer
runs; while we owe it an answer none does.  Rule 2: what is not parsed is never kept: a head is
bounded, a body waits in the kernel until somebody asks for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import unquote

import httptools

from .errors import Problem
from .exchange import Exchange, raw_response
from .reply import App, Disconnected, Header, Scope

NO_HTTP = Problem(400, "this is no valid HTTP request")
MAX_PIPELINED = 100
"""Requests on one connection whose answers are due; no client we know sends ahead at all."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`head`: bytes of a request line and headers; `head_seconds` until they are there whole.

    `stall_seconds`: how long a client may read nothing of what is sent to it.
    `keep_alive`: seconds an idle connection is kept for another request.
    """

    connections: int = 1000
    head: int = 64 * 1024
    head_seconds: float = 30.0
    stall_seconds: float = 60.0
    keep_alive: float = 15.0


@dataclass(slots=True)
class Shared:
    """What the connections of a server have in common."""

    app: App
    limits: ConnectionLimits
    connections: set[Connection] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    all_closed: asyncio.Event = field(default_factory=asyncio.Event)


class Connection(asyncio.Protocol):
    """`_queue`: requests whose answers are due, the first one is being answered.

    `_parsing`: the one whose body is still coming.  `_deaf`: nothing more is parsed.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Exchange] = deque()
        self._parsing: Exchange | None = None
        self._deaf = False
        self._in_head = False
        self._head_size = 0
        self._url = b""
        self._headers: list[Header] = []
        self._expects = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle = False
        self._stall: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._writable: asyncio.Future[None] | None = None
        self._lost = False

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server = _address(transport.get_extra_info("sockname"))
        self._client = _address(transport.get_extra_info("peername"))
        self._shared.connections.add(self)
        if len(self._shared.connections) > self._limits.connections:
            self._refuse(Problem(503, "too many connections"))
        else:
            self._watch(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        for exchange in self._queue:
            exchange.lose()
        self.resume_writing()
        self._unwatch()
        self._shared.connections.discard(self)
        if not self._shared.connections:
            self._shared.all_closed.set()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_after_last()  # Nothing to upgrade to: the request is answered as it is.
        except httptools.HttpParserError:
            self._bad_request()
        if self._queue:
            self._unwatch()
        elif self._timer is None or self._idle:
            self._watch(self._limits.head_seconds)

    # From the parser.

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._url = b""
        self._headers = []
        self._expects = False

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        self._headers.append((name, value))

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head:
            raise ValueError  # Ends the parsing: HttpParserCallbackError.

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self._queue) >= MAX_PIPELINED:
            raise ValueError
        version = self._parser.get_http_version()
        exchange = Exchange(
            self,
            self._scope(version),
            keep_alive=version == "1.1" and self._parser.should_keep_alive(),
            expects=self._expects and version == "1.1",
        )
        self._parsing = exchange
        self._queue.append(exchange)
        if len(self._queue) == 1:
            self._begin(exchange)
        else:
            self._transport.pause_reading()

    def _scope(self, version: str) -> Scope:
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "server": self._server,
            "client": self._client,
            "scheme": "http",
            "root_path": "",
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self._headers,
            "state": {"stopping": self._shared.stopping},
        }

    def on_body(self, body: bytes) -> None:
        if self._parsing is not None:
            self._parsing.add_body(body)
            if self._parsing.full:
                self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._parsing is not None:
            self._parsing.end_body()
            self._parsing = None

    # Exchanges.

    def _begin(self, exchange: Exchange) -> None:
        task = self._loop.create_task(exchange.run(self._shared.app))
        self._shared.tasks.add(task)
        task.add_done_callback(self._shared.tasks.discard)

    def body_taken(self) -> None:
        if len(self._queue) == 1 and not self._deaf:
            self._transport.resume_reading()

    def finished(self, exchange: Exchange) -> None:
        if self._lost or self._transport.is_closing():
            return
        self._queue.popleft()
        if not exchange.keep_alive:
            self._close()
        elif self._queue:
            self._begin(self._queue[0])
        else:
            idle = not self._in_head and self._parsing is None
            self._watch(self._limits.keep_alive if idle else self._limits.head_seconds)
            self._idle = idle
        self.body_taken() if self._queue else self._transport.resume_reading()

    def _bad_request(self) -> None:
        """Say so: at once, or after the answers that are due before."""
        too_large = self._head_size > self._limits.head
        large = Problem(431, f"the request's head is larger than {self._limits.head} bytes")
        problem = large if too_large else NO_HTTP
        if self._parsing is not None and not self._parsing.done:
            self._parsing.lose(broken=problem)
        if self._queue:
            self._end_after_last()
        elif self._parsing is not None:
            self._close()  # Its answer is given already.
        else:
            self._refuse(problem)

    def _end_after_last(self) -> None:
        self._deaf = True
        self._transport.pause_reading()
        if self._queue:
            self._queue[-1].keep_alive = False

    def _refuse(self, problem: Problem) -> None:
        self._deaf = True
        self._transport.write(raw_response(problem))
        self._close()

    def shut(self) -> None:
        """End when the answer that is due is given."""
        if self._queue:
            self._queue[0].keep_alive = False
        else:
            self._close()

    def abort(self) -> None:
        self._transport.abort()

    # Clients that keep us waiting.

    def _watch(self, seconds: float) -> None:
        self._unwatch()
        self._timer = self._loop.call_later(seconds, self._overdue)

    def _unwatch(self) -> None:
        self._idle = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _overdue(self) -> None:
        self._timer = None
        if self._in_head and not self._transport.is_closing():
            seconds = self._limits.head_seconds
            self._refuse(Problem(408, f"no whole request came within {seconds:g} seconds"))
        elif self._idle:
            self._close()
        else:
            self._transport.abort()

    # Clients that do not read.

    async def write(self, data: bytes) -> None:
        if self._writable is not None:
            await asyncio.shield(self._writable)
        if self._lost or self._transport.is_closing():
            raise Disconnected
        self._transport.write(data)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()
        self._watch_unsent()

    def resume_writing(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _close(self) -> None:
        """Close when all is sent, but do not wait for a client that does not read it."""
        self._unwatch()
        self._transport.close()
        if self._stall is None and self._transport.get_write_buffer_size():
            self._watch_unsent()

    def _watch_unsent(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
        self._unsent = self._transport.get_write_buffer_size()
        self._stall = self._loop.call_later(self._limits.stall_seconds, self._check_unsent)

    def _check_unsent(self) -> None:
        if self._transport.get_write_buffer_size() >= self._unsent:
            self._transport.abort()
        else:
            self._watch_unsent()


def _address(name: object) -> tuple[str, int | None] | None:
    """Return what ASGI shows of a socket's name: host and port, or path and None."""
    if isinstance(name, tuple):
        return str(name[0]), int(name[1])
    return (name, None) if isinstance(name, str) else None

"""WebSockets: a route is declared like an operation, its handler gets the call and the socket.

    async def echo(call: Call[Nothing, Nothing], socket: WebSocket) -> None:
        await socket.accept()
        while (message := await socket.receive()) is not None:
            await socket.send(message)

    Group((), problem_details, ProblemDetails, sockets=(
        SocketRoute(path="/v1/echo", id="echo", summary="Say it again", handler=echo),
    ))

What guards requests guards handshakes too.  What a handler raises before it accepts is answered
over HTTP, as an operation's errors are; what it raises later closes the socket with a code.
Source: RFC 6455 (the closing codes: 7.4.1), and the WebSocket part of ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from proctor.core.errors import ProctorError
from proctor.log import get_logger

from .call import call_of, decode_parameters
from .errors import INTERNAL, Dialect, Problem, Refused, problem_of
from .oapi import NOTHING, Call, Nothing
from .refuse import send_problem
from .reply import Disconnected, Receive, Scope, Send, over_websocket

log = get_logger("api")

Q = TypeVar("Q")

SUBPROTOCOL = "proctor"
"""Chosen if the client offers it, for a browser that offers any wants one of them chosen."""

NORMAL, POLICY, FAULT, TRY_LATER = 1000, 1008, 1011, 1013
"""Codes with which a socket is closed: all is done; not allowed; our fault; come again later."""


class WebSocket:
    """One socket, as its handler sees it.  `accept` comes first.

    A client that does not read holds up `send`; the connection ends when it has done so too long.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._offered = scope.get("subprotocols", ())
        self._receive = receive
        self._send = send
        self.accepted = False
        self.over = False

    async def accept(self) -> None:
        chosen = SUBPROTOCOL if SUBPROTOCOL in self._offered else None
        await self._receive()  # "websocket.connect"
        await self._send({"type": "websocket.accept", "subprotocol": chosen})
        self.accepted = True

    async def receive(self) -> str | bytes | None:
        """Return the next message; None: there will be none any more."""
        if self.over:
            return None
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self.over = True
            return None
        text: str | None = message.get("text")
        content: bytes = message.get("bytes", b"")
        return content if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send a text, or bytes as such.  Raises Disconnected."""
        kind = "text" if isinstance(message, str) else "bytes"
        await self._tell({"type": "websocket.send", kind: message})

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """End it; `reason` is cut to what a closing frame can hold."""
        if not self.over:
            cut = reason.encode()[:123].decode("utf-8", "ignore")
            await self._tell({"type": "websocket.close", "code": code, "reason": cut})
            self.over = True

    async def wait_gone(self) -> None:
        """Return when the client is gone; what it says is passed over."""
        while await self.receive() is not None:
            pass

    async def until_gone(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it is done or the client gone; what the client says is passed over."""
        working = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self.wait_gone())
        try:
            await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (gone, working):
                task.cancel()
            await asyncio.gather(gone, working, return_exceptions=True)

    async def _tell(self, message: dict[str, Any]) -> None:
        if self.over:
            raise Disconnected
        try:
            await self._send(message)
        except OSError:  # uvicorn's ClientDisconnected is one.
            self.over = True
            raise Disconnected from None


SocketHandler = Callable[[Call[Q, Nothing], WebSocket], Awaitable[None]]


class SocketRoute(Struct, Generic[Q], frozen=True, kw_only=True):
    """A path with a WebSocket; `path` and `query` as an operation has them."""

    path: str
    id: str
    summary: str
    handler: SocketHandler[Q]
    query: type[Q] = Nothing  # type: ignore[assignment]


class SocketEndpoint:
    """A route with what it takes to answer a handshake."""

    def __init__(
        self, route: SocketRoute[Any], dialect: Dialect, expected: Mapping[str, str]
    ) -> None:
        self._route = route
        self._dialect = dialect
        self._expected = expected

    async def call(
        self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]
    ) -> None:
        """Have the socket served.  As with operations, any exception ends here."""
        socket = WebSocket(scope, receive, send)
        try:
            await self._route.handler(self._decode(scope, path), socket)
            problem = None
        except Disconnected:
            return
        except Refused as refused:
            problem = refused.problem
        except ProctorError as error:
            problem = problem_of(error)
        except Exception:
            log.exception("request_failed", method="WEBSOCKET", path=self._route.path)
            problem = INTERNAL
        await self._end(socket, problem, receive, send)

    def _decode(self, scope: Scope, path: Mapping[str, str]) -> Call[Any, Nothing]:
        parameters = decode_parameters(scope, self._route.query, self._expected)
        return call_of(scope, path, parameters, NOTHING)

    async def _end(
        self, socket: WebSocket, problem: Problem | None, receive: Receive, send: Send
    ) -> None:
        if not socket.accepted:
            await send_problem(problem or INTERNAL, self._dialect, receive, over_websocket(send))
            return
        code = NORMAL if problem is None else FAULT if problem.status >= 500 else POLICY
        try:
            await socket.close(code, problem.message if problem is not None else "")
        except Disconnected:
            pass

"""The HTTP server, in our event loop, on sockets that are bound already."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Sequence
from typing import Any

from proctor.log import get_logger

from .acceptor import Acceptor
from .connection import Connection, ConnectionLimits, Hub
from .errors import INTERNAL, seed
from .reply import App, Receive, Scope, Send, send_reply

log = get_logger("api")

DEFAULT_LIMITS = ConnectionLimits()


class Open(set[Any]):
    """The connections that are open; `none` is set when there are none any more."""

    def __init__(self) -> None:
        super().__init__()
        self.none = asyncio.Event()

    def discard(self, connection: object) -> None:
        super().discard(connection)
        if not self:
            self.none.set()

    def remove(self, connection: object) -> None:
        """Discard it: so uvicorn's WebSockets leave."""
        self.discard(connection)


class HttpServer:
    """Serves `app` on `sockets` (TCP and unix alike), which it owns from `start` on."""

    def __init__(
        self,
        app: App,
        sockets: Sequence[socket.socket],
        limits: ConnectionLimits = DEFAULT_LIMITS,
    ) -> None:
        self._open = Open()
        self._stopping = asyncio.Event()
        state = {"stopping": self._stopping}
        self._hub = Hub(Door(app), limits, self._open, self._upgrade, state)
        self._sockets = sockets
        self._acceptors: list[Acceptor] = []

    async def start(self) -> None:
        """Accept from now on."""
        for sock in self._sockets:
            if sock.family != socket.AF_UNIX:
                # Accepted sockets inherit it.  asyncio sets it only where the listening socket
                # was made with its protocol spelled out; without it a response may take 40 ms.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            acceptor = Acceptor(sock, lambda: Connection(self._hub))
            acceptor.open()
            self._acceptors.append(acceptor)

    def _upgrade(self, state: dict[str, Any]) -> asyncio.Protocol:
        """Return the protocol of a WebSocket; its library is loaded with the first one."""
        from .wsprotocol import WebSocketConnection

        return WebSocketConnection(self._hub, state)

    @property
    def connections(self) -> Collection[object]:
        """The connections that are open now."""
        return self._open

    @property
    def busy(self) -> int:
        """How many requests are being answered."""
        return len(self._hub.tasks)

    async def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, end streams, let requests end, cut off what lasts over `grace`."""
        for acceptor in self._acceptors:
            await acceptor.close()
        self._stopping.set()
        for connection in list(self._open):
            connection.shutdown()
        try:
            async with asyncio.timeout(grace):
                while self._open:
                    self._open.none.clear()
                    await self._open.none.wait()
        except TimeoutError:
            log.warning("connections_cut_off", connections=len(self._open))
        await self._cut_off()

    async def _cut_off(self) -> None:
        for connection in list(self._open):
            connection.transport.abort()
        await asyncio.sleep(0)  # So that what is cancelled below knows that it is cut off.
        tasks = list(self._hub.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Door:
    """The last resort around the application: its faults are logged by us and told as JSON."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        last = ""

        async def watched(message: Any) -> None:
            nonlocal last
            last = message["type"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            return  # Cut off by `stop`.
        except Exception:
            log.exception("request_failed", method=scope.get("method"), path=scope["path"])
            if scope["type"] != "http":
                raise  # uvicorn closes it.
            if not last:
                await send_reply(seed(INTERNAL), send)
            # Otherwise the connection is cut off, which the client sees.
        if last == "websocket.http.response.body":
            # A WebSocket was refused; uvicorn would take that for a fault and log it.
            from uvicorn.protocols.utils import ClientDisconnected

            raise ClientDisconnected

"""The HTTP server, in our event loop, on sockets that are bound already.

uvicorn's own server wakes up ten times a second to see whether it should end.  An idle service
makes no wake-ups, so its protocols are used here without its server.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from proctor.log import get_logger

from .connection import Connection, ConnectionLimits
from .errors import INTERNAL, seed
from .reply import App, Receive, Scope, Send, send_reply

log = get_logger("api")

DEFAULT_LIMITS = ConnectionLimits()
BACKLOG = 2048
MAX_MESSAGE = 1 << 20
"""Bytes of one message that a client may send over a WebSocket."""


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
        self._config = Config(
            Door(app),
            http=Connection,
            # As good as a class: it is only called.
            ws=partial(websocket, limits.stall_seconds),  # type: ignore[arg-type]
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,  # Costs more than it saves on the way to a neighbour.
            interface="asgi3",
            lifespan="off",
            log_config=None,
            log_level="error",  # It warns of what clients do wrong; they are told.
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=limits.keep_alive,
        )
        self._limits = limits
        self._state = ServerState()
        self._sockets = sockets
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Accept from now on."""
        self._config.load()
        self._open = self._state.connections = Open()
        self._shared = {"stopping": asyncio.Event()}
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                # Accepted sockets inherit it.  asyncio sets it only where the listening socket
                # was made with its protocol spelled out; without it a response may take 40 ms.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = await loop.create_server(self._connection, sock=sock, backlog=BACKLOG)
            self._servers.append(server)

    def _connection(self) -> Connection:
        return Connection(self._config, self._state, self._shared, self._limits)

    @property
    def connections(self) -> Collection[object]:
        """The connections that are open now."""
        return self._state.connections

    @property
    def busy(self) -> int:
        """How many requests are being answered."""
        return len(self._state.tasks)

    async def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, end streams, let requests end, cut off what lasts over `grace`."""
        for server in self._servers:
            server.close()
        self._shared["stopping"].set()
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
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()


def websocket(stall: float, **arguments: Any) -> asyncio.Protocol:
    """Return the protocol of a WebSocket; its library is loaded with the first connection."""
    from .wsprotocol import WebSocketConnection

    return WebSocketConnection(**arguments, stall=stall)


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
            if last or scope["type"] != "http":
                raise  # uvicorn cuts the connection, which the client sees.
            await send_reply(seed(INTERNAL), send)
        if last == "websocket.http.response.body":
            # A WebSocket was refused; uvicorn would take that for a fault and log it.
            raise ClientDisconnected

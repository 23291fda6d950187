"""The HTTP server, in our event loop, on sockets that are bound already.

An idle service makes no wake-ups: nothing here ticks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Sequence

from proctor.log import get_logger

from .connection import Connection, ConnectionLimits, Shared
from .reply import App

log = get_logger("api")

DEFAULT_LIMITS = ConnectionLimits()
BACKLOG = 2048


class HttpServer:
    """Serves `app` on `sockets` (TCP and unix alike), which it owns from `start` on."""

    def __init__(
        self,
        app: App,
        sockets: Sequence[socket.socket],
        limits: ConnectionLimits = DEFAULT_LIMITS,
    ) -> None:
        self._shared = Shared(app, limits)
        self._sockets = sockets
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Accept from now on."""
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
        return Connection(self._shared)

    @property
    def connections(self) -> Collection[object]:
        """The connections that are open now."""
        return self._shared.connections

    async def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, end streams, let requests end, cut off what lasts over `grace`."""
        for server in self._servers:
            server.close()
        self._shared.stopping.set()
        for connection in list(self._shared.connections):
            connection.shut()
        try:
            async with asyncio.timeout(grace):
                while self._shared.connections:
                    self._shared.all_closed.clear()
                    await self._shared.all_closed.wait()
        except TimeoutError:
            log.warning("connections_cut_off", connections=len(self._shared.connections))
        await self._cut_off()

    async def _cut_off(self) -> None:
        for connection in list(self._shared.connections):
            connection.abort()
        tasks = list(self._shared.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

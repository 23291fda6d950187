"""The HTTP server, in our event loop, on sockets that are bound already.

uvicorn's own server wakes up ten times a second to see whether it should end.  An idle service
makes no wake-ups, so its protocol is used here without its server.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from .connection import Connection
from .reply import App

log = logging.getLogger("proctor.api")

KEEP_ALIVE = 15
"""Seconds an idle connection is kept for another request."""


class HttpServer:
    """Serves `app` on `sockets` (TCP and unix alike), which it owns from `start` on."""

    def __init__(self, app: App, sockets: Sequence[socket.socket]) -> None:
        self._config = Config(
            app,
            http=Connection,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._state = ServerState()
        self._shared: dict[str, Any] = {}
        self._sockets = sockets
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Accept from now on."""
        self._config.load()
        self._shared = {"stopping": asyncio.Event(), "all_closed": asyncio.Event()}
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            sock.setblocking(False)
            server = await loop.create_server(self._connection, sock=sock, backlog=2048)
            self._servers.append(server)

    def _connection(self) -> Connection:
        return Connection(self._config, self._state, self._shared)

    async def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, end streams, let requests end, cut off what lasts over `grace`."""
        for server in self._servers:
            server.close()
        self._shared["stopping"].set()
        for connection in list(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(grace):
                while self._state.connections:
                    self._shared["all_closed"].clear()
                    await self._shared["all_closed"].wait()
        except TimeoutError:
            log.warning("%d connections are cut off", len(self._state.connections))
        await self._cut_off()

    async def _cut_off(self) -> None:
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

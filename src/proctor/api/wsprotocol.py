"""One WebSocket connection: uvicorn's, with what a service that must not be held up needs besides.

Loaded with the first connection, for few services have one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from .connection import Hub
from .wire import Stall

MAX_MESSAGE = 1 << 20
"""Bytes of one message that a client may send."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A client that reads nothing of what is sent to it for a while is cut off.

    uvicorn's own would wait for ever: what it does to a client that answers no ping is to close,
    and that waits until everything is sent.
    """

    def __init__(self, hub: Hub, state: dict[str, Any]) -> None:
        shared = ServerState()
        shared.connections, shared.tasks = hub.connections, hub.tasks
        super().__init__(_config(hub), shared, state)
        self._stall_seconds = hub.limits.stall_seconds
        self._stall: Stall

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._stall = Stall(transport, self._stall_seconds)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.unwatch()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        if self.transport.is_closing():
            await asyncio.sleep(0)  # The client is gone; the next turn says so instead of asyncio.
        await super().send(message)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.unwatch()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.get_write_buffer_size():
            self._stall.watch()


def _config(hub: Hub) -> Config:
    """Return uvicorn's settings; of its own parts it has to load none."""
    config = Config(
        hub.app,
        http=asyncio.Protocol,
        ws=WebSocketConnection,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        log_level="error",  # It warns of what clients do wrong; they are told.
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # Costs more than it saves on the way to a neighbour.
    )
    config.load()
    return config

"""One WebSocket connection: uvicorn's, with what a service that must not be held up needs besides.

Loaded with the first connection, for few services have one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from .wire import Stall


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A client that reads nothing of what is sent to it for `stall` seconds is cut off.

    uvicorn's own would wait for ever: what it does to a client that answers no ping is to close,
    and that waits until everything is sent.
    """

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], stall: float
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._stall_seconds = stall
        self._stall: Stall

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._stall = Stall(transport, self._stall_seconds)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.unwatch()
        super().connection_lost(exc)

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

"""Requests on asyncio's streams.

A connection is used for one request.  That costs a millisecond and saves a pool; what is asked
all the time, logs and events, comes as one long answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from .calls import SAFE, Call, error_of, interrupted, unreachable
from .endpoint import Access, Endpoint
from .streams import LineSplitter
from .transport import CONNECT_TIMEOUT, PIECE, RETRY_PAUSE, may_come_back
from .wire import BadAnswer, Response, request

FAULTS = (OSError, BadAnswer)


class AsyncTransport:
    """Opens a connection for each request; `endpoint` is where the last one went."""

    def __init__(self, access: Access, timeout: float, patience: float) -> None:
        self.access = access
        self.endpoint: Endpoint | None = None
        self._timeout = timeout
        self._patience = patience

    async def exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        """Return the status and the body.  Raises NotReachable."""
        try:
            async with asyncio.timeout(self._timeout + call.wait):
                response = await self._send_again(call)
                return response.status, response.take()
        except FAULTS as error:
            raise interrupted(call, error) from None

    async def lines(self, call: Call[Any]) -> AsyncIterator[bytes]:
        """Yield the lines of an answer that may go on for ever.  Raises ApiError, NotReachable."""
        reader, writer = await self._connect()
        try:
            await self._say(call, writer)
            response, splitter = Response(), LineSplitter()
            while not response.over:
                response.feed(await reader.read(PIECE))
                if response.status < 400:
                    for line in splitter.feed(response.take()):
                        yield line
            if response.status >= 400:
                raise error_of(response.status, response.take())
            if rest := splitter.rest:
                yield rest
        except FAULTS as error:
            raise interrupted(call, error) from None
        finally:
            writer.close()

    async def _send_again(self, call: Call[Any]) -> Response:
        """Send a request, and once more if it may be and the service went away meanwhile."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            try:
                return await self._send(call)
            except (ConnectionError, BadAnswer):
                if call.method not in SAFE or loop.time() >= end:
                    raise
            await asyncio.sleep(RETRY_PAUSE)

    async def _send(self, call: Call[Any]) -> Response:
        reader, writer = await self._connect()
        try:
            await self._say(call, writer)
            response = Response()
            while not response.over:
                response.feed(await reader.read(PIECE))
            return response
        finally:
            writer.close()

    async def _say(self, call: Call[Any], writer: asyncio.StreamWriter) -> None:
        assert self.endpoint is not None
        writer.write(request(call, self.endpoint, self.access.token, close=True))
        await writer.drain()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            reasons: list[tuple[Endpoint, OSError]] = []
            for endpoint in self.access.endpoints:
                try:
                    async with asyncio.timeout(CONNECT_TIMEOUT):
                        streams = await _open(endpoint)
                except OSError as error:
                    reasons.append((endpoint, error))
                    continue
                self.endpoint = endpoint
                return streams
            known = self.access.given or self.endpoint is not None
            if loop.time() >= end or not may_come_back(reasons, known=known):
                raise unreachable(self.access, reasons)
            await asyncio.sleep(RETRY_PAUSE)


async def _open(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if endpoint.unix is not None:
        return await asyncio.open_unix_connection(endpoint.unix)
    return await asyncio.open_connection(endpoint.host, endpoint.port, ssl=endpoint.tls or None)

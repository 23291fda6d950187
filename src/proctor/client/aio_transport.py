"""HTTP/1.1 on asyncio's streams: as much of it as talking to the service takes.

A connection is used for one request.  That costs a millisecond and saves a pool; what is asked
all the time, logs and events, comes as one long answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from .calls import Call, error_of, interrupted, unreachable
from .endpoint import Access, Endpoint
from .streams import LineSplitter

CONNECT_TIMEOUT = 5.0
RETRY_PAUSE = 0.05
PIECE = 64 * 1024
MAX_HEAD = 64 * 1024


class BadAnswer(Exception):
    """What came is not HTTP, or ended too early."""


@dataclass(slots=True)
class Answer:
    """The head of an answer, and the streams from which its body comes."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter = field(repr=False)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes (RFC 9112, 6.3)."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := await self._chunk_size():
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            return
        left = self.headers.get("content-length")
        remaining = int(left) if left is not None else None
        while remaining != 0:
            piece = await self.reader.read(min(PIECE, remaining or PIECE))
            if not piece:
                if remaining is not None:
                    raise BadAnswer("it ended too early")
                return
            remaining = None if remaining is None else remaining - len(piece)
            yield piece

    async def _chunk_size(self) -> int:
        line = await self.reader.readuntil(b"\r\n")
        return int(line.partition(b";")[0], 16)

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])


FAULTS = (
    OSError,
    ValueError,
    BadAnswer,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
)


class AsyncTransport:
    """Opens a connection for each request; `endpoint` is where the last one went."""

    def __init__(self, access: Access, timeout: float, patience: float) -> None:
        self.access = access
        self.endpoint: Endpoint | None = None
        self._timeout = timeout
        self._patience = patience

    async def exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        """Return the status and the body.  Raises NotReachable."""
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(self._timeout + call.wait):
                answer = await self._send(call, reader, writer)
                return answer.status, await answer.read()
        except FAULTS as error:
            raise interrupted(call, error) from None
        finally:
            writer.close()

    async def lines(self, call: Call[Any]) -> AsyncIterator[bytes]:
        """Yield the lines of an answer that may go on for ever.  Raises ApiError, NotReachable."""
        reader, writer = await self._connect()
        try:
            answer = await self._send(call, reader, writer)
            if answer.status >= 400:
                raise error_of(answer.status, await answer.read())
            splitter = LineSplitter()
            async for piece in answer.pieces():
                for line in splitter.feed(piece):
                    yield line
            if rest := splitter.rest:
                yield rest
        except FAULTS as error:
            raise interrupted(call, error) from None
        finally:
            writer.close()

    async def _send(
        self, call: Call[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        assert self.endpoint is not None
        payload = call.payload()
        host = str(self.endpoint).partition("://")[2].partition("/")[0] or "localhost"
        headers = {"Host": host, **call.headers(self.access.token, payload)}
        headers["Connection"] = "close"
        if payload is not None or call.method in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(payload or b""))
        lines = [f"{call.method} {self.endpoint.prefix}{call.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (payload or b""))
        await writer.drain()
        return await _read_head(reader, writer)

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
            if loop.time() >= end or not self._may_come_back(reasons):
                raise unreachable(self.access, reasons)
            await asyncio.sleep(RETRY_PAUSE)

    def _may_come_back(self, reasons: list[tuple[Endpoint, OSError]]) -> bool:
        known = self.access.given or self.endpoint is not None
        return any(
            isinstance(error, ConnectionRefusedError) and (known or endpoint.unix is not None)
            for endpoint, error in reasons
        )


async def _open(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if endpoint.unix is not None:
        return await asyncio.open_unix_connection(endpoint.unix, limit=MAX_HEAD)
    return await asyncio.open_connection(
        endpoint.host, endpoint.port, ssl=endpoint.tls or None, limit=MAX_HEAD
    )


async def _read_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    """Read status line and headers (RFC 9112, 4 and 5); interim answers are skipped."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise BadAnswer("it is no HTTP")
        status = int(rest[:3])
        if status >= 200:
            pairs = (line.partition(":") for line in lines if line)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            return Answer(status, headers, reader, writer)

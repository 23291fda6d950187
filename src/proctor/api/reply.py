"""Responses as values, and the two ways to send them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Header = tuple[bytes, bytes]
JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")
NO_SNIFF = (b"x-content-type-options", b"nosniff")
CLOSE = (b"connection", b"close")


class Disconnected(OSError):
    """The client is gone; nobody waits for an answer."""


class Reply(Struct, frozen=True):
    """A whole response; `headers` lack only the length."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()


class Stream(Struct, frozen=True):
    """A response made piece by piece.  What fails before the first piece still becomes an error."""

    chunks: AsyncGenerator[bytes, None]
    headers: tuple[Header, ...] = ()
    status: int = 200


def json_reply(value: object, status: int = 200, headers: tuple[Header, ...] = ()) -> Reply:
    return Reply(status, msgspec.json.encode(value), (JSON, NO_STORE, NO_SNIFF, *headers))


def with_headers(reply: Reply, *headers: Header) -> Reply:
    return replace(reply, headers=(*reply.headers, *headers))


async def send_head(reply: Reply, send: Send) -> None:
    """Send status line and headers, and the body too, but leave the response open."""
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [*reply.headers, length]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})


async def send_reply(reply: Reply, send: Send) -> None:
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [*reply.headers, length]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def send_stream_head(stream: Stream, send: Send) -> None:
    """Send status line and headers, and make nothing of the body."""
    await stream.chunks.aclose()
    head = {"type": "http.response.start", "status": stream.status, "headers": stream.headers}
    await send(head)
    await send({"type": "http.response.body", "body": b""})


async def send_stream(stream: Stream, receive: Receive, send: Send) -> None:
    """Send what comes, until the client is gone.

    A failure in the midst cuts the response off, which the client can see.
    """
    sending = asyncio.ensure_future(_send_chunks(stream, send))
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
    finally:
        for task in (gone, sending):
            task.cancel()
        await asyncio.gather(gone, sending, return_exceptions=True)
        await stream.chunks.aclose()


async def _send_chunks(stream: Stream, send: Send) -> None:
    first = await anext(stream.chunks, b"")
    head = {"type": "http.response.start", "status": stream.status, "headers": stream.headers}
    await send(head)
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for chunk in stream.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def over_websocket(send: Send) -> Send:
    """Return a `send` by which a response refuses a WebSocket (ASGI's denial response)."""

    async def denied(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return denied

"""WebSockets as declared routes, with the client that most programs use."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

from proctor.api.body import BodyLimits
from proctor.api.connection import ConnectionLimits
from proctor.api.errors import ProblemDetails, problem_details
from proctor.api.guard import Access, Guard
from proctor.api.oapi import Call, Group, Nothing
from proctor.api.reply import App
from proctor.api.router import Router
from proctor.api.websocket import SocketRoute, WebSocket
from proctor.core.errors import UnknownTask

from .support import GENEROUS, MemoryManager, Running


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    times: int = 1


async def echo(call: Call[Times, Nothing], socket: WebSocket) -> None:
    await socket.accept()
    while (message := await socket.receive()) is not None:
        for _ in range(call.query.times):
            await socket.send(message)


async def unknown(call: Call[Nothing, Nothing], socket: WebSocket) -> None:
    raise UnknownTask(f"no task is named {call.path['name']!r}", field="name")


async def crash(call: Call[Nothing, Nothing], socket: WebSocket) -> None:
    await socket.accept()
    raise RuntimeError("the details are secret")


async def flood(call: Call[Nothing, Nothing], socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send(b"x" * 100_000)


def make_app(manager: MemoryManager) -> App:
    sockets: list[SocketRoute[Any]] = [
        SocketRoute(path="/v1/echo", id="echo", summary="", handler=echo, query=Times),
        SocketRoute(path="/v1/tasks/{name}/none", id="none", summary="", handler=unknown),
        SocketRoute(path="/v1/crash", id="crash", summary="", handler=crash),
        SocketRoute(path="/v1/flood", id="flood", summary="", handler=flood),
    ]
    groups = [Group((), problem_details, ProblemDetails, sockets=sockets)]
    router = Router(groups, expected={}, limits=BodyLimits(), dialect_of=lambda _: problem_details)
    return Guard(router, Access(token="sesame"), lambda _: problem_details)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(make_app, tmp_path / "socket", ConnectionLimits(stall_seconds=0.2))
    running.start()
    yield running
    running.stop()


def open_socket(server: Running, path: str, **options: Any) -> ClientConnection:
    headers = {"Authorization": "Bearer sesame"} | options.pop("headers", {})
    uri = f"ws://127.0.0.1:{server.port}{path}"
    return connect(uri, additional_headers=headers, open_timeout=GENEROUS, proxy=None, **options)


def test_messages_go_both_ways(server: Running) -> None:
    with open_socket(server, "/v1/echo?times=2") as socket:
        socket.send("hello")
        socket.send(b"\x00\xff")
        found = [socket.recv(GENEROUS) for _ in range(4)]

    assert found == ["hello", "hello", b"\x00\xff", b"\x00\xff"]


def test_a_unix_socket_serves_them_too(server: Running) -> None:
    headers = {"Authorization": "Bearer sesame"}
    with unix_connect(str(server.unix), "ws://localhost/v1/echo", additional_headers=headers) as s:
        s.send("hello")

        assert s.recv(GENEROUS) == "hello"


def test_a_browser_that_offers_our_protocol_gets_it(server: Running) -> None:
    with open_socket(server, "/v1/echo", subprotocols=["other", "proctor"]) as socket:
        assert socket.subprotocol == "proctor"


def test_a_browser_says_the_token_as_a_protocol(server: Running) -> None:
    uri = f"ws://127.0.0.1:{server.port}/v1/echo"
    token = base64.urlsafe_b64encode(b"sesame").decode().rstrip("=")

    with connect(uri, subprotocols=["proctor", f"bearer.{token}"], proxy=None) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "proctor"
    for wrong in ("bearer.b3Blbg", "bearer.", "bearer.a", "bearer"):
        with pytest.raises(InvalidStatus) as refused:
            connect(uri, additional_headers={"Sec-WebSocket-Protocol": wrong}, proxy=None)
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        ("/v1/echo", {"Authorization": "Bearer open"}, 401, b"not the right one"),
        ("/v1/echo", {"Origin": "https://evil.example"}, 403, b"evil.example"),
        ("/v1/echo?time=2", {}, 400, b"time"),
        ("/v1/tasks/web/none", {}, 404, b"no task is named 'web'"),
        ("/v1/nowhere", {}, 404, b"no WebSocket"),
    ],
)
def test_a_handshake_is_refused_as_a_request_would_be(
    server: Running, path: str, headers: dict[str, str], status: int, words: bytes
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(server, path, headers=headers)

    assert refused.value.response.status_code == status
    assert refused.value.response.headers["content-type"] == "application/problem+json"
    assert words in (refused.value.response.body or b"")


def test_a_plain_request_is_told_to_upgrade(server: Running) -> None:
    answer = server.request("GET", "/v1/echo", headers={"Authorization": "Bearer sesame"})

    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")


def test_a_fault_of_ours_is_logged_and_the_client_learns_nothing_of_it(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR, "proctor.api"),
        open_socket(server, "/v1/crash") as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(GENEROUS)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert "secret" not in closed.value.rcvd.reason
    assert "the details are secret" in caplog.text


def test_a_client_that_reads_nothing_is_cut_off_and_costs_little_till_then(
    server: Running,
) -> None:
    with open_socket(server, "/v1/flood", max_queue=1, close_timeout=0):
        while not server.call(lambda: server.server.busy):
            pass

        async def unsent() -> int:
            return max(
                (c.transport.get_write_buffer_size() for c in server.server.connections),  # type: ignore[attr-defined]
                default=0,
            )

        while server.call(lambda: server.server.connections):
            assert server.run(unsent()) < 1_000_000

    assert server.call(lambda: server.server.busy) == 0


def test_stopping_tells_the_clients_and_waits_for_nobody(server: Running) -> None:
    with open_socket(server, "/v1/echo") as socket:
        server.stop()

        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(GENEROUS)

    assert not isinstance(closed.value, ConnectionClosedOK)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_a_socket_that_is_gone_leaves_no_timer_behind(server: Running) -> None:
    with open_socket(server, "/v1/echo"):
        pass
    while server.call(lambda: server.server.connections):
        pass

    async def timers() -> list[asyncio.TimerHandle]:
        scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        return [timer for timer in scheduled if not timer.cancelled()]

    assert server.run(timers()) == []

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proctor.api.body import BodyLimits
from proctor.api.errors import SeedError, seed
from proctor.api.oapi import Call, Group, Nothing, Operation
from proctor.api.reply import App, Reply, Stream, json_reply
from proctor.api.router import Router
from proctor.api.schemas.proc import Ok

from .support import MemoryManager, Running, read_all, running, task

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def crash(call: Call[Nothing, Nothing]) -> Reply:
    raise RuntimeError("the details are secret")


async def crash_late(call: Call[Nothing, Nothing]) -> Stream:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"some"
        raise RuntimeError("the details are secret")

    return Stream(chunks())


async def crash_early(call: Call[Nothing, Nothing]) -> Stream:
    async def chunks() -> AsyncGenerator[bytes, None]:
        raise RuntimeError("the details are secret")
        yield b""

    return Stream(chunks())


async def endless(call: Call[Nothing, Nothing]) -> Stream:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"begin"
        assert call.stopping is not None
        await call.stopping.wait()
        yield b"end"

    return Stream(chunks())


async def stubborn(call: Call[Nothing, Nothing]) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def echo(call: Call[Nothing, Nothing]) -> Reply:
    return json_reply(dict(call.path))


HANDLERS: dict[str, Any] = {
    "/crash": crash,
    "/crash-late": crash_late,
    "/crash-early": crash_early,
    "/endless": endless,
    "/stubborn": stubborn,
    "/v1/tasks/{name}": echo,
    "/v1/tasks/{name}/runs/{run}": echo,
}


def make_app(manager: MemoryManager) -> App:
    operations = [
        Operation(method="GET", path=path, id=path, summary="", handler=handler, returns=Ok)
        for path, handler in HANDLERS.items()
    ]
    groups = [Group(operations, seed, SeedError)]
    return Router(groups, expected={}, limits=BodyLimits(), dialect_of=lambda path: seed)


@pytest.fixture
def own(tmp_path: Path) -> Any:
    server = Running(make_app, tmp_path / "socket")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("path", ["/crash", "/crash-early"])
def test_a_fault_of_ours_is_logged_and_the_client_learns_nothing_of_it(
    own: Running, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.ERROR, "proctor.api"):
        response = own.request("GET", path)

    assert (response.status, response.json["code"]) == (500, 500)
    assert b"secret" not in response.body
    assert "the details are secret" in caplog.text


def test_a_stream_that_fails_is_cut_off_so_that_the_client_can_tell(own: Running) -> None:
    answer = own.raw(GET % b"/crash-late")

    assert answer.endswith(b"4\r\nsome\r\n")  # and no last chunk


def test_a_stream_ends_when_its_client_has_gone(own: Running) -> None:
    with own.connect() as sock:
        sock.sendall(GET % b"/endless")
        assert sock.recv(65536).endswith(b"begin\r\n")
    while own.call(lambda: own.server.busy):
        pass

    assert own.call(lambda: own.server.connections) == set()


def test_pieces_of_a_path_are_parameters(own: Running) -> None:
    assert own.request("GET", "/v1/tasks/web").json == {"name": "web"}
    assert own.request("GET", "/v1/tasks/w%20b/runs/7").json == {"name": "w b", "run": "7"}
    assert own.request("GET", "/v1/tasks/a/b").status == 404
    response = own.request("POST", "/v1/tasks/web")
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_stopping_ends_streams_and_lets_them_say_so(own: Running) -> None:
    with own.connect() as sock:
        sock.sendall(GET % b"/endless")
        assert sock.recv(65536).endswith(b"begin\r\n")

        own.stop()

        assert read_all(sock) == b"3\r\nend\r\n0\r\n\r\n"


def test_stopping_cuts_off_what_does_not_end(own: Running) -> None:
    with own.connect() as sock:
        sock.sendall(GET % b"/stubborn")
        while not own.call(lambda: own.server.connections):
            pass

        own.stop()

        try:
            assert read_all(sock) == b""
        except ConnectionResetError:
            pass


def test_stopping_closes_idle_connections_and_accepts_no_more(server: Running) -> None:
    with server.connect() as sock:
        sock.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")

        server.stop()

        assert sock.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_stopping_answers_what_was_sent_while_the_service_did_not_look(server: Running) -> None:
    with server.connect() as early:
        while not server.call(lambda: server.server.connections):
            pass

        def ask_and_stop() -> None:  # In the loop, which has no time to read before it stops.
            early.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.begin_stop()

        server.call(ask_and_stop)
        answer = read_all(early)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def test_half_a_request_does_not_hold_up_a_stop(server: Running) -> None:
    with server.connect() as sock:
        sock.sendall(b"GET /proc HTTP/1.1\r\n")
        while not server.call(lambda: server.server.connections):
            pass

        def more_and_stop() -> None:
            sock.sendall(b"Host: localhost\r\n")
            server.begin_stop()

        server.call(more_and_stop)
        assert read_all(sock) == b""


def test_stopping_lets_a_request_end(server: Running) -> None:
    server.post(task())
    server.manager.hold_removals = True
    with ThreadPoolExecutor(1) as pool:
        deleted = pool.submit(server.request, "DELETE", "/proc?name=task1")
        while not server.call(lambda: server.manager.removing):
            pass
        stopping = threading.Thread(target=server.stop)
        stopping.start()

        server.call(server.manager.finish_removals)

        assert deleted.result().status == 200
        stopping.join()


def test_an_idle_server_has_no_timers(server: Running) -> None:
    server.post(task())
    server.raw(b"nonsense\r\n\r\n")
    while server.call(lambda: server.server.connections):
        pass

    async def timers() -> list[asyncio.TimerHandle]:
        scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        return [timer for timer in scheduled if not timer.cancelled()]

    assert server.run(timers()) == []


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.request("GET", "/proc")
    before = sorted(os.listdir("/proc/self/fd"))

    for i in range(3):
        path = tmp_path / str(i)
        path.mkdir()
        with running(path) as server:
            server.request("GET", "/docs/swagger-ui.css")
            server.raw(b"nonsense\r\n\r\n")

    assert len(os.listdir("/proc/self/fd")) <= len(before)

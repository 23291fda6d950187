"""HTTP as no good client sends it: never a 500, never a hang, never a harm to others."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from proctor.api.body import BodyLimits
from proctor.api.connection import ConnectionLimits

from .support import Running, read_all, running, task

HEAD = b"POST /proc HTTP/1.1\r\nHost: localhost\r\n"


UPGRADE = (
    b"GET /proc HTTP/1.1\r\nHost: %b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body_of(answer: bytes) -> dict[str, object]:
    result: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return result


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /proc\r\n\r\n",
        b"GET /proc HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\nA B: c\r\n\r\n",
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n",
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: ten\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: nonsense\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
    ],
)
def test_what_is_no_http_is_refused_as_json(server: Running, data: bytes) -> None:
    with server.connect() as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)

    if answer:  # A client that has gone before its request was whole gets none.
        assert status(answer) in (400, 413)
        assert body_of(answer)["code"] == status(answer)
    assert server.request("GET", "/proc").status == 200


def test_a_request_without_host_is_refused(server: Running) -> None:
    answer = server.raw(b"GET /proc HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert status(answer) == 400


@pytest.mark.parametrize(
    "lines",
    [b"X: " + b"a" * 100_000, b"\r\n".join(b"X%d: a" % i for i in range(20_000))],
    ids=["one long", "many"],
)
def test_a_head_that_is_too_large_is_refused(server: Running, lines: bytes) -> None:
    with server.connect() as sock:
        try:
            sock.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n\r\n")
            answer = read_all(sock)
        except ConnectionError:
            answer = b""  # The server closed before it had read all.

    assert not answer or status(answer) == 431
    assert server.request("GET", "/proc").status == 200


def test_an_endless_url_is_refused(server: Running) -> None:
    with server.connect() as sock:
        try:
            sock.sendall(b"GET /" + b"a" * 500_000)
            answer = read_all(sock)
        except ConnectionError:
            answer = b""

    assert not answer or status(answer) == 431


def test_a_declared_length_above_the_limit_is_refused_before_the_body_comes(
    server: Running,
) -> None:
    with server.connect() as sock:
        sock.sendall(HEAD + b"Content-Length: 1048577\r\n\r\n")
        answer = sock.recv(65536)

    assert status(answer) == 413
    assert b"connection: close" in answer
    assert body_of(answer)["msg"] == "the body is larger than 1048576 bytes"


def test_a_body_of_exactly_the_limit_is_read(server: Running) -> None:
    text = json.dumps(task()).encode()

    assert server.post(text + b" " * (1048576 - len(text))).status == 200


def test_a_client_that_sends_a_larger_body_whole_can_read_why_it_is_refused(
    server: Running,
) -> None:
    assert server.post(b"[" * 2_000_000).status == 413


def test_a_body_without_end_is_cut_off(server: Running) -> None:
    sent = 0
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    answer = b""
    with server.connect() as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 1 << 30:
                sock.sendall(chunk)
                sent += len(chunk)
        except ConnectionError:
            pass
        try:
            answer = read_all(sock)
        except ConnectionError:
            pass

    assert sent < 64 << 20
    assert not answer or status(answer) == 413
    assert server.request("GET", "/proc").status == 200


def test_a_slow_body_is_given_up_while_others_are_served(tmp_path: Path) -> None:
    with running(tmp_path, body=BodyLimits(seconds=0.3)) as server, server.connect() as sock:
        sock.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")

        assert server.post(task()).status == 200
        answer = read_all(sock)

    assert status(answer) == 408
    assert body_of(answer)["code"] == 408


def test_a_slow_head_is_given_up(tmp_path: Path) -> None:
    limits = ConnectionLimits(head_seconds=0.3)
    with running(tmp_path, limits=limits) as server, server.connect() as sock:
        sock.sendall(b"GET /proc HTTP/1.1\r\nHost: ")

        answer = read_all(sock)

    assert status(answer) == 408


def test_a_client_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    limits = ConnectionLimits(head_seconds=0.3)
    with running(tmp_path, limits=limits) as server, server.connect() as sock:
        try:
            assert read_all(sock) == b""
        except ConnectionResetError:
            pass


def test_empty_lines_for_ever_are_given_up(tmp_path: Path) -> None:
    limits = ConnectionLimits(head_seconds=0.3)
    with running(tmp_path, limits=limits) as server, server.connect() as sock:
        _write_until_refused(sock, b"\r\n" * 100)


def _write_until_refused(sock: socket.socket, data: bytes) -> None:
    try:
        while True:
            sock.sendall(data)
    except ConnectionError:
        return


def test_an_idle_connection_is_closed_in_the_end(tmp_path: Path) -> None:
    with running(tmp_path, limits=ConnectionLimits(keep_alive=0)) as server:
        assert status(server.raw(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 200


def test_one_connection_too_many_is_refused(tmp_path: Path) -> None:
    limits = ConnectionLimits(connections=2)
    with running(tmp_path, limits=limits) as server, server.connect() as a, server.connect() as b:
        for sock in (a, b):
            sock.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status(sock.recv(65536)) == 200
        with server.connect() as third:
            assert status(read_all(third)) == 503


def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    limits = ConnectionLimits(stall_seconds=0.2)
    with running(tmp_path, limits=limits) as server:
        for i in range(20):
            server.post(task(name=f"t{i}", cmd="x" * 100_000))
        with server.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(20):
                sock.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while server.call(lambda: len(server.server.connections)):
                pass


def test_pipelined_requests_are_answered_in_order(server: Running) -> None:
    server.post(task())
    answer = server.raw(
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        b"PUT /proc?name=task1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )

    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [404, 200, 200]
    assert server.manager.restarted == ["task1"]


def test_too_many_requests_ahead_are_not_kept(server: Running) -> None:
    answer = server.raw(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)

    assert answer.count(b"HTTP/1.1 404") == 100
    assert answer.count(b"connection: close") == 1


def test_garbage_behind_a_request_does_not_spoil_its_answer(server: Running) -> None:
    answer = server.raw(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n\x00garbage\r\n\r\n")

    assert status(answer) == 200
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_in_small_pieces_is_read(server: Running) -> None:
    text = json.dumps(task()).encode()
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for i in range(len(text)):
            sock.sendall(b"1\r\n" + text[i : i + 1] + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        answer = read_all(sock)

    assert status(answer) == 200


def test_a_client_that_waits_for_100_continue_gets_it(server: Running) -> None:
    text = json.dumps(task()).encode()
    with server.connect() as sock:
        length = b"Content-Length: %d\r\n" % len(text)
        sock.sendall(HEAD + length + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(text)
        answer = read_all(sock)

    assert status(answer) == 200


def test_a_client_that_leaves_within_its_body_changes_nothing(server: Running) -> None:
    with server.connect() as sock:
        sock.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"name": "a"')
    while server.call(lambda: len(server.server.connections)):
        pass

    assert server.manager.specs == {}


def test_an_endless_line_is_refused_in_the_dialect_of_its_api(server: Running) -> None:
    long = b"/v1/tasks?name=" + b"x" * 100_000

    answer = server.raw(b"GET " + long + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert status(answer) == 431
    assert b"application/problem+json" in answer


def test_a_websocket_where_there_is_none_is_refused_as_json(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    answer = server.raw(UPGRADE % b"localhost")

    assert status(answer) == 404
    assert body_of(answer)["code"] == 404
    assert caplog.records == []


def test_a_websocket_of_another_site_is_refused(server: Running) -> None:
    assert status(server.raw(UPGRADE % b"evil.example")) == 403


def test_a_request_to_upgrade_to_anything_else_is_answered_as_it_is(server: Running) -> None:
    answer = server.raw(
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
    )

    assert status(answer) == 200


def test_a_keep_alive_connection_serves_many_requests(server: Running) -> None:
    with server.connect() as sock:
        for _ in range(50):
            sock.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status(sock.recv(65536)) == 200

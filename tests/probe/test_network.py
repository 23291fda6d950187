"""Checks over the network, against real listeners."""

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from proctor.probe.network import http_get, tcp


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def nobody_listens() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.parametrize(("status", "ok"), [(200, True), (302, True), (404, False), (503, False)])
def test_the_status_of_an_http_answer_decides(url, status, ok):
    answer, text = asyncio.run(http_get(f"{url}/{status}", 10.0))

    assert answer is ok
    assert str(status) in text


def test_nobody_there_is_a_failure_that_says_so():
    port = nobody_listens()

    for check in (http_get(f"http://127.0.0.1:{port}/", 5.0), tcp(f"127.0.0.1:{port}", 5.0)):
        ok, text = asyncio.run(check)
        assert not ok
        assert "efused" in text


def test_a_listener_that_says_nothing_is_too_late_for_http_but_there_for_tcp():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert asyncio.run(tcp(f"127.0.0.1:{port}", 5.0))[0]
        ok, text = asyncio.run(http_get(f"http://127.0.0.1:{port}/", 0.2))

    assert not ok
    assert "0.2 s" in text or "timed out" in text


def test_what_speaks_no_http_is_a_failure():
    def speak(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"hello there\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak, args=(listener,))
        thread.start()
        ok, text = asyncio.run(http_get(f"http://127.0.0.1:{listener.getsockname()[1]}/", 5.0))
        thread.join()

    assert not ok
    assert "hello" in text

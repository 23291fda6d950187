"""A small HTTP server that answers what a test has told it to."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

PATIENCE = 30.0


@dataclass
class Toy:
    """What came in, and where it listens; `answer` gets a handler and writes the response."""

    url: str
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: reply(handler, b"{}")


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def chunked(handler: BaseHTTPRequestHandler, *pieces: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for piece in pieces:
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


@contextmanager
def toy_server(unix: Path | None = None, listener: socket.socket | None = None) -> Iterator[Toy]:
    """Run a server on a free port, on a Unix socket, or on a socket that is bound already."""
    if listener is None:
        listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        listener.bind(str(unix) if unix else ("127.0.0.1", 0))
    listener.listen()
    name = listener.getsockname()
    toy = Toy(f"unix:{unix}" if unix else f"http://127.0.0.1:{name[1]}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE

        def address_string(self) -> str:
            return ""

        def log_message(self, *arguments: object) -> None:
            pass

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            toy.requests.append((self.command, self.path, dict(self.headers), body))
            toy.answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815

    class Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
        daemon_threads = True
        block_on_close = False

        def fileno(self) -> int:
            return listener.fileno()

        def get_request(self) -> tuple[socket.socket, object]:
            return listener.accept()

        def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
            request.close()

    server = Server(name, Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield toy
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        listener.close()

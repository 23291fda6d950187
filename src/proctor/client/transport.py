"""Requests over a blocking socket: TCP, TLS or a Unix socket."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from typing import Any

from .calls import SAFE, Call, error_of, interrupted, unreachable
from .endpoint import Access, Endpoint
from .streams import LineSplitter
from .wire import BadAnswer, Response, request

CONNECT_TIMEOUT = 5.0
RETRY_PAUSE = 0.05
PIECE = 64 * 1024
FAULTS = (OSError, BadAnswer)


class Transport:
    """One connection, kept between requests and opened again when the service was restarted.

    `patience` is for how many seconds a refused connection is tried again, where a service was.
    """

    def __init__(self, access: Access, timeout: float, patience: float) -> None:
        self.access = access
        self.endpoint: Endpoint | None = None
        self._timeout = timeout
        self._patience = patience
        self._socket: socket.socket | None = None

    def exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        """Return the status and the body.  Raises NotReachable."""
        try:
            return self._exchange(call)
        except FAULTS as error:
            self.close()
            raise interrupted(call, error) from None

    def lines(self, call: Call[Any]) -> Iterator[bytes]:
        """Yield the lines of an answer that may go on for ever; the connection is its own.

        Raises ApiError, NotReachable.
        """
        own = Transport(self.access, self._timeout, self._patience)
        try:
            yield from own._lines(call)
        except FAULTS as error:
            raise interrupted(call, error) from None
        finally:
            own.close()

    def detached(self) -> tuple[socket.socket, Endpoint]:
        """Return a connection of the caller's own, and where it leads.  Raises NotReachable."""
        sock = self._connect()
        assert self.endpoint is not None
        return sock, self.endpoint

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        response = self._send_again(call)
        if not response.keep:
            self.close()
        return response.status, response.take()

    def _send_again(self, call: Call[Any]) -> Response:
        """Send a request, and once more if it may be and the service went away meanwhile."""
        end = time.monotonic() + self._patience
        while True:
            fresh = self._socket is None or self._is_stale(self._socket)
            try:
                return self._send(call)
            except (ConnectionError, BadAnswer):
                self.close()
                if call.method not in SAFE or (fresh and time.monotonic() >= end):
                    raise
            if fresh:
                time.sleep(RETRY_PAUSE)

    def _send(self, call: Call[Any]) -> Response:
        """Send a request and receive all of its response."""
        sock = self._connected()
        sock.settimeout(self._timeout + call.wait)
        self._say(call, close=False)
        response = Response()
        while not response.over:
            response.feed(sock.recv(PIECE))
        return response

    def _lines(self, call: Call[Any]) -> Iterator[bytes]:
        sock = self._connected()
        sock.settimeout(None)  # It may be silent for as long as it likes.
        self._say(call, close=True)
        response, splitter = Response(), LineSplitter()
        while not response.over:
            response.feed(sock.recv(PIECE))
            if response.status < 400:
                yield from splitter.feed(response.take())
        if response.status >= 400:
            raise error_of(response.status, response.take())
        if rest := splitter.rest:
            yield rest

    def _say(self, call: Call[Any], *, close: bool) -> None:
        assert self.endpoint is not None
        assert self._socket is not None
        self._socket.sendall(request(call, self.endpoint, self.access.token, close=close))

    def _is_stale(self, sock: socket.socket) -> bool:
        """Whether the other end has closed the connection meanwhile; it is dropped then."""
        if not select.select([sock], [], [], 0)[0]:
            return False
        self.close()
        return True

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        end = time.monotonic() + self._patience
        while True:
            reasons: list[tuple[Endpoint, OSError]] = []
            for endpoint in self.access.endpoints:
                try:
                    sock = _open(endpoint)
                except OSError as error:
                    reasons.append((endpoint, error))
                    continue
                self.endpoint = endpoint
                return sock
            known = self.access.given or self.endpoint is not None
            if time.monotonic() >= end or not may_come_back(reasons, known=known):
                raise unreachable(self.access, reasons)
            time.sleep(RETRY_PAUSE)


def may_come_back(reasons: list[tuple[Endpoint, OSError]], *, known: bool) -> bool:
    """Whether a service was there a moment ago, or somebody says that one is (`known`)."""
    return any(
        isinstance(error, ConnectionRefusedError) and (known or endpoint.unix is not None)
        for endpoint, error in reasons
    )


def _open(endpoint: Endpoint) -> socket.socket:
    if endpoint.unix is not None:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(CONNECT_TIMEOUT)
            sock.connect(endpoint.unix)
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((endpoint.host, endpoint.port), CONNECT_TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not endpoint.tls:
        return sock
    import ssl  # 20 ms, and few need it

    return ssl.create_default_context().wrap_socket(sock, server_hostname=endpoint.host)

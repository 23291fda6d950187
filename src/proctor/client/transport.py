"""HTTP/1.1 with the standard library's client, over TCP, TLS or a Unix socket."""

from __future__ import annotations

import http.client
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

from .calls import SAFE, Call, error_of, interrupted, unreachable
from .endpoint import Access, Endpoint
from .streams import LineSplitter

CONNECT_TIMEOUT = 5.0
RETRY_PAUSE = 0.05
PIECE = 64 * 1024


class UnixConnection(http.client.HTTPConnection):
    """A connection to the Unix socket at `path`."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Transport:
    """One connection, kept between requests and opened again when the service was restarted.

    `patience` is for how many seconds a refused connection is tried again, where a service was.
    """

    def __init__(self, access: Access, timeout: float, patience: float) -> None:
        self.access = access
        self.endpoint: Endpoint | None = None
        self._timeout = timeout
        self._patience = patience
        self._connection: http.client.HTTPConnection | None = None

    def exchange(self, call: Call[Any]) -> tuple[int, bytes]:
        """Return the status and the body.  Raises NotReachable."""
        try:
            with self._response(call, self._timeout + call.wait) as response:
                return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise interrupted(call, error) from None

    def lines(self, call: Call[Any]) -> Iterator[bytes]:
        """Yield the lines of an answer that may go on for ever; the connection is its own.

        Raises ApiError, NotReachable.
        """
        own = Transport(self.access, self._timeout, self._patience)
        try:
            with own._response(call, None) as response:
                if response.status >= 400:
                    raise error_of(response.status, response.read())
                splitter = LineSplitter()
                while piece := response.read1(PIECE):
                    yield from splitter.feed(piece)
                if rest := splitter.rest:
                    yield rest
        except (OSError, http.client.HTTPException) as error:
            raise interrupted(call, error) from None
        finally:
            own.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _response(self, call: Call[Any], timeout: float | None) -> http.client.HTTPResponse:
        fresh = self._connection is None or self._is_stale()
        try:
            return self._send(call, timeout)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # It was closed while we sent.  Nothing is lost if it may be sent twice.
            self.close()
            if fresh or call.method not in SAFE:
                raise
        return self._send(call, timeout)

    def _send(self, call: Call[Any], timeout: float | None) -> http.client.HTTPResponse:
        connection = self._connected()
        assert self.endpoint is not None
        assert connection.sock is not None
        connection.sock.settimeout(timeout)
        payload = call.payload()
        headers = call.headers(self.access.token, payload)
        connection.request(call.method, self.endpoint.prefix + call.target, payload, headers)
        return connection.getresponse()

    def _is_stale(self) -> bool:
        """Whether the other end has closed the connection meanwhile; it is dropped then."""
        assert self._connection is not None
        sock = self._connection.sock
        if sock is not None and not select.select([sock], [], [], 0)[0]:
            return False
        self.close()
        return True

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> http.client.HTTPConnection:
        end = time.monotonic() + self._patience
        while True:
            reasons: list[tuple[Endpoint, OSError]] = []
            for endpoint in self.access.endpoints:
                connection = open_connection(endpoint)
                try:
                    connection.connect()
                except OSError as error:
                    connection.close()
                    reasons.append((endpoint, error))
                    continue
                self.endpoint = endpoint
                return connection
            if time.monotonic() >= end or not self._may_come_back(reasons):
                raise unreachable(self.access, reasons)
            time.sleep(RETRY_PAUSE)

    def _may_come_back(self, reasons: list[tuple[Endpoint, OSError]]) -> bool:
        """Whether a service was there a moment ago, or somebody says that one is."""
        known = self.access.given or self.endpoint is not None
        return any(
            isinstance(error, ConnectionRefusedError) and (known or endpoint.unix is not None)
            for endpoint, error in reasons
        )


def open_connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    if endpoint.unix is not None:
        return UnixConnection(endpoint.unix, CONNECT_TIMEOUT)
    if endpoint.tls:
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=CONNECT_TIMEOUT)

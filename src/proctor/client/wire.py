"""HTTP/1.1 as bytes: requests made, responses taken apart by httptools.  Pure.

The standard library's http.client would do, but importing it, with `email` and `ssl`, takes longer
than all else that `proctor ls` does.
"""

from __future__ import annotations

from typing import Any

import httptools

from .calls import Call
from .endpoint import Endpoint


class BadAnswer(Exception):
    """What came is not HTTP, or ended too early."""


def request(call: Call[Any], endpoint: Endpoint, token: str | None, *, close: bool) -> bytes:
    """Return the whole request; `close`: the connection is not used again."""
    payload = call.payload()
    headers = {"Host": host_of(endpoint), **call.headers(token, payload)}
    if close:
        headers["Connection"] = "close"
    if payload is not None or call.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(payload or b""))
    lines = [f"{call.method} {endpoint.prefix}{call.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (payload or b"")


def host_of(endpoint: Endpoint) -> str:
    if endpoint.unix is not None:
        return "localhost"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


class Response:
    """Takes a response as it comes: `feed` it, `take` what there is of the body.

    `status` is 0 until the head has come; interim responses (1xx) are passed over.  `over` once the
    last byte of the body is there; `keep` whether the connection may be used again then.
    """

    def __init__(self) -> None:
        self.status = 0
        self.over = False
        self.keep = False
        self._until_end = True
        self._pieces: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what was received; nothing means that the other side has closed.

        Raises BadAnswer.
        """
        if data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserError as error:
                if not self.over:
                    raise BadAnswer(f"it is no HTTP: {error}") from None
        elif self.status and self._until_end:
            self.over = True
        elif not self.over:
            raise BadAnswer("it ended too early")

    def take(self) -> bytes:
        body, self._pieces = b"".join(self._pieces), []
        return body

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._until_end = False

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self.status:
            self.over = True
            self.keep = self._parser.should_keep_alive()

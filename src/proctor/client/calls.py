"""One request as a value, and what an answer means.  Pure; both clients send and read the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

import proctor

from .endpoint import Access, Endpoint
from .errors import ApiError, ClientError, NotReachable

T = TypeVar("T")
Query = Mapping[str, Any]

SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""What may be sent twice if it is not known whether it arrived."""

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
JSON_LINES = "application/x-ndjson"
EVENTS = "text/event-stream"


class Call(Struct, Generic[T], frozen=True):
    """A request, and the type of its answer's body.

    In `query` None leaves a parameter out, and a list repeats it.  A `body` of bytes is sent as it
    is.  `wait` is how many seconds the service may take on purpose before it answers.
    """

    method: str
    path: str
    result: type[T]
    query: Query = {}
    body: object = None
    wait: float = 0.0
    accept: str = "application/json"

    @property
    def target(self) -> str:
        pairs: list[tuple[str, str]] = []
        for name, value in self.query.items():
            values = value if isinstance(value, list | tuple) else [value]
            pairs += [(name, _text(item)) for item in values if item is not None]
        query = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)
        return f"{self.path}?{query}" if pairs else self.path

    def payload(self) -> bytes | None:
        if isinstance(self.body, bytes | None):
            return self.body
        return msgspec.json.encode(self.body)

    def headers(self, token: str | None, payload: bytes | None) -> dict[str, str]:
        headers = {"Accept": self.accept, "User-Agent": user_agent()}
        if name := os.environ.get("PROCTOR_ACTOR"):
            one_line = " ".join(name.split())
            headers["X-Proctor-Actor"] = one_line.encode("utf-8", "replace").decode("latin-1")
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if payload is not None:
            raw = isinstance(self.body, bytes)
            headers["Content-Type"] = "application/octet-stream" if raw else "application/json"
        return headers


@cache
def user_agent() -> str:
    """Return the name of the program that this is, by which the service's record will call it."""
    path = sys.argv[0] if sys.argv else ""
    folder, name = os.path.split(path)
    name = os.path.basename(folder) if name == "__main__.py" else "" if name == "-c" else name
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._+-") else "-" for c in name)
    return f"{plain.strip('-') or 'python'} proctor-client/{proctor.__version__}"


def quoted(text: str) -> str:
    """Return text so that it stands for itself in a path's segment or a query (RFC 3986, 2).

    As urllib.parse.quote does, which takes 10 ms to import.
    """
    return "".join(
        chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8")
    )


def decode(call: Call[T], status: int, body: bytes) -> T:
    """Return what the answer says.  Raises ApiError; NotReachable if it is no answer of ours."""
    if status >= 400:
        raise error_of(status, body)
    try:
        return msgspec.json.decode(body, type=call.result)
    except msgspec.DecodeError as error:
        message = f"{call.method} {call.path}: an answer this client does not know: {error}"
        raise NotReachable(message) from None


def error_of(status: int, body: bytes) -> ApiError:
    try:
        problem = msgspec.json.decode(body)
    except msgspec.DecodeError:
        problem = None
    if not isinstance(problem, dict):
        return ApiError(status, {}, body[:200].decode("utf-8", "replace"))
    return ApiError(status, problem)


def unreachable(access: Access, reasons: list[tuple[Endpoint, OSError]]) -> NotReachable:
    """Say in one or two lines what was tried, and what to run."""
    tried = " or ".join(f"{endpoint} ({_reason(error)})" for endpoint, error in reasons)
    if access.given:
        advice = "is PROCTOR_URL right, and the service running there?"
    else:
        advice = "start it with `proctor serve`, or say where it is with PROCTOR_URL"
    return NotReachable(f"no service answers at {tried}\n{advice}")


def interrupted(call: Call[Any], error: Exception) -> ClientError:
    """Say that nobody knows: a manager that dies goes on, as the next one, with what was asked."""
    reason = _reason(error) if isinstance(error, OSError) else str(error)
    advice = (
        "" if call.method == "GET" else "\nit may be done all the same: look before you repeat it"
    )
    return NotReachable(f"{call.method} {call.path}: the connection broke ({reason}){advice}")


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if error.errno is not None and error.errno > 0:  # asyncio words it another way
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error) or type(error).__name__).lower()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)

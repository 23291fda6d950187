"""Typed operations, each declared once; the router and the OpenAPI document follow.

An API is a list of operations with one dialect for its errors (`Group`).  A further API is a
further group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from .actor import actor_of
from .errors import Dialect
from .reply import Reply, Stream

if TYPE_CHECKING:
    from .websocket import SocketRoute

Q = TypeVar("Q")
B = TypeVar("B")


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters, or no body."""


NOTHING = Nothing()


class Call(Struct, Generic[Q, B], frozen=True):
    """One request, decoded.  `stopping` is set when the server ends; streams end with it.

    `head` are the headers as they came, names in lower case; `peer` is who sent them.
    """

    query: Q
    body: B
    path: Mapping[str, str]
    stopping: asyncio.Event | None
    head: Sequence[tuple[bytes, bytes]] = ()
    peer: str = "api"

    @property
    def actor(self) -> str:
        """Who is behind it, for the record."""
        return actor_of(self.peer, self.head)

    def header(self, name: bytes) -> str:
        """Return a header's value, empty if it did not come."""
        found = next((value for key, value in self.head if key == name), b"")
        return found.decode("latin-1")


Answer = Reply | Stream
Handler = Callable[[Call[Q, B]], Awaitable[Answer]]


class Operation(Struct, Generic[Q, B], frozen=True, kw_only=True):
    """One method of one path.  `path` may hold `{name}` pieces, which match up to a slash.

    `query` and `body` are the structs that its parameters and its JSON body are decoded into
    (bytes: as they come),
    `returns` what it answers with `status`, and with those of `also`, or a content type.
    `errors` are the statuses of its problems; what every operation can answer is added.
    `examples` are request bodies by title, `answer` is one response, `places` says what the pieces
    of the path are.  `public`: needs no token.
    """

    method: str
    path: str
    id: str
    summary: str
    handler: Handler[Q, B]
    returns: Any
    description: str = ""
    status: int = 200
    also: Mapping[int, str] = {}
    query: type[Q] = Nothing  # type: ignore[assignment]
    body: type[B] = Nothing  # type: ignore[assignment]
    errors: Mapping[int, str] = {}
    examples: Mapping[str, object] = {}
    answer: object = None
    places: Mapping[str, str] = {}
    tag: str = ""
    public: bool = False
    hidden: bool = False


AnyOperation = Operation[Any, Any]


class Group(Struct, frozen=True):
    """Operations whose errors look alike: `dialect` makes them, `error` is their struct."""

    operations: Sequence[AnyOperation]
    dialect: Dialect
    error: type[Struct]
    error_type: str = "application/json"
    sockets: Sequence[SocketRoute[Any]] = ()


class Facts(Struct, frozen=True, kw_only=True):
    """What the document says beside the operations.

    `token`: the service asks for one.  `bounds`: what settings add to a schema's properties,
    {"TaskRequest": {"replica": {"maximum": 10}}}.
    """

    version: str
    token: bool
    bounds: Mapping[str, Mapping[str, Mapping[str, object]]] = {}

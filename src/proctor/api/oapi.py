"""Typed routes: each operation is declared once; the router and the OpenAPI document follow.

An API is a list of operations with one dialect for its errors (`Group`).  A further API is a
further group.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from proctor.core.errors import ProctorError
from proctor.log import get_logger
from proctor.metrics.requests import Requests

from .body import BodyLimits, TypedDecoder, decode_query, drain, read_body
from .errors import INTERNAL, Dialect, Problem, Refused, problem_of
from .reply import (
    CLOSE,
    Disconnected,
    Receive,
    Reply,
    Scope,
    Send,
    Stream,
    over_websocket,
    send_head,
    send_reply,
    send_stream,
    with_headers,
)

log = get_logger("api")

Q = TypeVar("Q")
B = TypeVar("B")


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters, or no body."""


NOTHING = Nothing()


class Call(Struct, Generic[Q, B], frozen=True):
    """One request, decoded.  `stopping` is set when the server ends; streams end with it.

    `head` are the headers as they came, names in lower case.
    """

    query: Q
    body: B
    path: Mapping[str, str]
    stopping: asyncio.Event | None
    head: Sequence[tuple[bytes, bytes]] = ()

    def header(self, name: bytes) -> str:
        """Return a header's value, empty if it did not come."""
        found = next((value for key, value in self.head if key == name), b"")
        return found.decode("latin-1")


Answer = Reply | Stream
Handler = Callable[[Call[Q, B]], Awaitable[Answer]]


class Operation(Struct, Generic[Q, B], frozen=True, kw_only=True):
    """One method of one path.  `path` may hold `{name}` pieces, which match up to a slash.

    `query` and `body` are the structs that its parameters and its JSON body are decoded into,
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


class Facts(Struct, frozen=True, kw_only=True):
    """What the document says beside the operations.

    `token`: the service asks for one.  `bounds`: what settings add to a schema's properties,
    {"TaskRequest": {"replica": {"maximum": 10}}}.
    """

    version: str
    token: bool
    bounds: Mapping[str, Mapping[str, Mapping[str, object]]] = {}


class Endpoint:
    """An operation with its decoders made."""

    def __init__(
        self,
        op: AnyOperation,
        dialect: Dialect,
        expected: Mapping[str, str],
        limits: BodyLimits,
        requests: Requests,
    ) -> None:
        self.op = op
        self.dialect = dialect
        self._expected = expected
        self._limits = limits
        self._problems = requests.problems
        self._answered = requests.of(op.id)
        self._decoder = None if op.body is Nothing else TypedDecoder(op.body, expected)

    async def call(
        self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]
    ) -> None:
        """Answer the request.  The one door where any exception ends: the caller gets a 500."""
        began = time.perf_counter()
        try:
            call = await self._decode(scope, receive, path)
            answer = await self.op.handler(call)
        except Refused as refused:
            await self._refuse(refused.problem, receive, send)
        except ProctorError as error:
            await self._refuse(problem_of(error), receive, send)
        except Disconnected:
            return
        except Exception:
            log.exception("request_failed", method=self.op.method, path=self.op.path)
            await self._refuse(INTERNAL, receive, send)
        else:
            self._answered.add(time.perf_counter() - began)
            await self._send(answer, receive, send)

    async def _decode(
        self, scope: Scope, receive: Receive, path: Mapping[str, str]
    ) -> Call[Any, Any]:
        query = scope["query_string"]
        stopping = scope.get("state", {}).get("stopping")
        if not query and self.op.query is Nothing:
            parameters: Any = NOTHING
        else:
            parameters = decode_query(query, self.op.query, self._expected)
        if self._decoder is None:
            return Call(parameters, NOTHING, path, stopping, scope["headers"])
        body = await read_body(scope, receive, self._limits)
        return Call(parameters, self._decoder.decode(body), path, stopping, scope["headers"])

    async def _send(self, answer: Answer, receive: Receive, send: Send) -> None:
        if isinstance(answer, Reply):
            await send_reply(answer, send)
            return
        started = False

        async def watched(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await send_stream(answer, receive, watched)
        except Exception:
            if started:
                raise  # The server logs it and cuts the connection, which the client sees.
            log.exception("request_failed", method=self.op.method, path=self.op.path)
            await self._refuse(INTERNAL, receive, send)

    async def _refuse(self, problem: Problem, receive: Receive, send: Send) -> None:
        self._problems[self.op.id, problem.status] += 1
        await send_problem(problem, self.dialect, receive, send)


async def send_problem(problem: Problem, dialect: Dialect, receive: Receive, send: Send) -> None:
    """Send an error; if the client may still be sending, see that it can read the answer."""
    reply = dialect(problem)
    if not problem.close:
        await send_reply(reply, send)
        return
    await send_head(with_headers(reply, CLOSE), send)
    await drain(receive)
    await send({"type": "http.response.body", "body": b""})


NO_WEBSOCKET = Problem(404, "there is no WebSocket here")

Methods = dict[str, Endpoint]


class Router:
    """Finds the endpoint: paths without parameters by a look-up, others by their patterns."""

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        expected: Mapping[str, str],
        limits: BodyLimits,
        dialect_of: Callable[[str], Dialect],
        requests: Requests | None = None,
    ) -> None:
        requests = requests or Requests()
        self._exact: dict[str, Methods] = {}
        self._patterns: list[tuple[re.Pattern[str], Methods]] = []
        self._dialect_of = dialect_of
        for group in groups:
            for op in group.operations:
                endpoint = Endpoint(op, group.dialect, expected, limits, requests)
                self._methods(op.path)[op.method] = endpoint

    def _methods(self, path: str) -> Methods:
        if "{" not in path:
            return self._exact.setdefault(path, {})
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        for known, methods in self._patterns:
            if known == pattern:
                return methods
        self._patterns.append((pattern, {}))
        return self._patterns[-1][1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods, path = self._find(scope["path"])
        if scope["type"] == "websocket":
            dialect = self._dialect_of(scope["path"])
            await send_problem(NO_WEBSOCKET, dialect, receive, over_websocket(send))
            return
        endpoint = methods.get(scope["method"])
        if endpoint is not None:
            await endpoint.call(scope, receive, send, path)
            return
        problem = _not_here(scope, methods)
        await send_problem(problem, self._dialect_of(scope["path"]), receive, send)

    def _find(self, path: str) -> tuple[Methods, Mapping[str, str]]:
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        for pattern, methods in self._patterns:
            if match := pattern.fullmatch(path):
                return methods, match.groupdict()
        return {}, {}


def _not_here(scope: Scope, methods: Methods) -> Problem:
    if not methods:
        return Problem(404, f"there is nothing at {scope['path'][:200]}")
    allowed = ", ".join(sorted(methods))
    message = f"{scope['method']} is not allowed here, expected one of {allowed}"
    return Problem(405, message, headers=((b"allow", allowed.encode()),))

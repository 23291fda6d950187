"""From a request to its operation, and back with what came of it."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from proctor.core.errors import ProctorError
from proctor.log import get_logger
from proctor.metrics.requests import Requests

from .body import BodyLimits, TypedDecoder, read_body
from .call import call_of, decode_parameters
from .errors import INTERNAL, Dialect, Problem, Refused, problem_of
from .oapi import NOTHING, Answer, AnyOperation, Call, Group, Nothing
from .refuse import send_problem
from .reply import (
    Disconnected,
    Receive,
    Reply,
    Scope,
    Send,
    Stream,
    over_websocket,
    send_reply,
    send_stream,
    send_stream_head,
)
from .websocket import SocketEndpoint

log = get_logger("api")


OnDisk = Callable[[], Awaitable[None]]
"""Returns when what was asked for is safe on the disk.  Raises StorageFailed."""


async def _nothing_to_save() -> None:
    """What is asked for changes nothing on the disk."""


class Endpoint:
    """An operation with its decoders made."""

    def __init__(
        self,
        op: AnyOperation,
        dialect: Dialect,
        expected: Mapping[str, str],
        limits: BodyLimits,
        requests: Requests,
        on_disk: OnDisk,
    ) -> None:
        self.op = op
        self._changes = op.method != "GET"
        self._on_disk = on_disk
        self.dialect = dialect
        self._expected = expected
        self._limits = limits
        self._problems = requests.problems
        self._answered = requests.of(op.id)
        raw = op.body in (Nothing, bytes)
        self._decoder = None if raw else TypedDecoder(op.body, expected)

    async def call(
        self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]
    ) -> None:
        """Answer the request.  The one door where any exception ends: the caller gets a 500."""
        began = time.perf_counter()
        try:
            call = await self._decode(scope, receive, path)
            answer = await self.op.handler(call)
            if self._changes:
                await self._on_disk()
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
            if scope["method"] == "HEAD" and isinstance(answer, Stream):
                await send_stream_head(answer, send)
            else:
                await self._send(answer, receive, send)

    async def _decode(
        self, scope: Scope, receive: Receive, path: Mapping[str, str]
    ) -> Call[Any, Any]:
        parameters = decode_parameters(scope, self.op.query, self._expected)
        if self.op.body is Nothing:
            return call_of(scope, path, parameters, NOTHING)
        body = await read_body(scope, receive, self._limits)
        value = body if self._decoder is None else self._decoder.decode(body)
        return call_of(scope, path, parameters, value)

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
        except ProctorError as error:
            if started:
                raise
            await self._refuse(problem_of(error), receive, send)
        except Exception:
            if started:
                raise  # The server logs it and cuts the connection, which the client sees.
            log.exception("request_failed", method=self.op.method, path=self.op.path)
            await self._refuse(INTERNAL, receive, send)

    async def _refuse(self, problem: Problem, receive: Receive, send: Send) -> None:
        self._problems[self.op.id, problem.status] += 1
        await send_problem(problem, self.dialect, receive, send)


NO_WEBSOCKET = Problem(404, "there is no WebSocket here")
ONLY_WEBSOCKET = Problem(
    426,
    "only a WebSocket is here",
    headers=((b"upgrade", b"websocket"), (b"connection", b"upgrade")),
)


class Place:
    """What there is at one path: operations by their methods, and perhaps a WebSocket."""

    def __init__(self) -> None:
        self.methods: dict[str, Endpoint] = {}
        self.socket: SocketEndpoint | None = None


NOWHERE = Place()


class Router:
    """Finds what answers: paths without parameters by a look-up, others by their patterns."""

    def __init__(
        self,
        groups: Sequence[Group],
        *,
        expected: Mapping[str, str],
        limits: BodyLimits,
        dialect_of: Callable[[str], Dialect],
        requests: Requests | None = None,
        on_disk: OnDisk = _nothing_to_save,
    ) -> None:
        requests = requests or Requests()
        self._exact: dict[str, Place] = {}
        self._patterns: list[tuple[re.Pattern[str], Place]] = []
        self._dialect_of = dialect_of
        for group in groups:
            for op in group.operations:
                endpoint = Endpoint(op, group.dialect, expected, limits, requests, on_disk)
                self._place(op.path).methods[op.method] = endpoint
            for route in group.sockets:
                self._place(route.path).socket = SocketEndpoint(route, group.dialect, expected)

    def _place(self, path: str) -> Place:
        if "{" not in path:
            return self._exact.setdefault(path, Place())
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        for known, place in self._patterns:
            if known == pattern:
                return place
        self._patterns.append((pattern, Place()))
        return self._patterns[-1][1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place, path = self._find(scope["path"])
        if scope["type"] == "websocket":
            await self._socket(place.socket, scope, receive, send, path)
            return
        method = scope["method"]
        endpoint = place.methods.get("GET" if method == "HEAD" else method)
        if endpoint is not None:
            await endpoint.call(scope, receive, send, path)
            return
        problem = _not_here(scope, place)
        await send_problem(problem, self._dialect_of(scope["path"]), receive, send)

    async def _socket(
        self,
        endpoint: SocketEndpoint | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        path: Mapping[str, str],
    ) -> None:
        if endpoint is not None:
            await endpoint.call(scope, receive, send, path)
            return
        dialect = self._dialect_of(scope["path"])
        await send_problem(NO_WEBSOCKET, dialect, receive, over_websocket(send))

    def knows(self, path: str) -> bool:
        """Whether there is anything at that path."""
        return self._find(path)[0] is not NOWHERE

    def _find(self, path: str) -> tuple[Place, Mapping[str, str]]:
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        for pattern, place in self._patterns:
            if match := pattern.fullmatch(path):
                return place, match.groupdict()
        return NOWHERE, {}


def _not_here(scope: Scope, place: Place) -> Problem:
    if place.socket is not None and not place.methods:
        return ONLY_WEBSOCKET
    if not place.methods:
        return Problem(404, f"there is nothing at {scope['path'][:200]}")
    head = {"HEAD"} if "GET" in place.methods else set()
    allowed = ", ".join(sorted(head | place.methods.keys()))
    message = f"{scope['method']} is not allowed here, expected one of {allowed}"
    return Problem(405, message, headers=((b"allow", allowed.encode()),))

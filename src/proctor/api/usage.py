"""/v1/metrics/stream: what tasks use, as it is measured, the last steps first."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from proctor.core.model import ReplicaId
from proctor.metrics.sampler import Sampler
from proctor.metrics.series import FINE_STEP

from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .oapi import Call, Group, Nothing, Operation
from .reply import Stream
from .schemas.usage import UsageQuery, UsageStep
from .streams import EVENTS, Framing

Request = Call[UsageQuery, Nothing]


class UsageStream:
    """The handler: the past from the sampler's rings, then each sweep as it is made."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    async def follow(self, call: Request) -> Stream:
        framing = Framing(call.header(b"accept"), default=EVENTS)
        return Stream(self._chunks(call, framing), framing.headers)

    async def _chunks(self, call: Request, framing: Framing) -> AsyncGenerator[bytes, None]:
        stop = asyncio.ensure_future((call.stopping or asyncio.Event()).wait())
        try:
            await self._next_sweep(stop)
            past = b"".join(framing.frame(step) for step in self._past(call.query))
            yield past or framing.sign_of_life
            while await self._next_sweep(stop):
                yield framing.frame(self._step(call.query))
        finally:
            stop.cancel()

    async def _next_sweep(self, stop: asyncio.Future[Any]) -> bool:
        """Wait for figures; return whether the service goes on."""
        sweep = asyncio.ensure_future(self._sampler.swept())
        try:
            await asyncio.wait((sweep, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:  # The client may hang up meanwhile.
            sweep.cancel()
        return not stop.done()

    def _step(self, query: UsageQuery) -> UsageStep:
        found = [
            (id, usage.cpu or 0.0, usage.rss)
            for id, usage in self._sampler.usages()
            if _fits(id, query)
        ]
        return _step(self._sampler.swept_at, found, query)

    def _past(self, query: UsageQuery) -> Iterator[UsageStep]:
        since = self._sampler.swept_at - query.history * FINE_STEP
        steps: dict[float, list[tuple[ReplicaId, float, int]]] = defaultdict(list)
        for id, series in self._sampler.all_series().items():
            if query.history and _fits(id, query):
                for point in series.fine.points(since):
                    steps[point.at].append((id, point.cpu, point.rss))
        for at in sorted(steps):
            yield _step(at, steps[at], query)


def _fits(id: ReplicaId, query: UsageQuery) -> bool:
    return query.task in (None, id.task)


def _step(at: float, found: list[tuple[ReplicaId, float, int]], query: UsageQuery) -> UsageStep:
    tasks: dict[str, tuple[float, int]] = {}
    for id, cpu, rss in found:
        before = tasks.get(id.task, (0.0, 0))
        tasks[id.task] = (round(before[0] + cpu, 4), before[1] + rss)
    replicas = {}
    if query.task is not None:
        replicas = {str(id): (round(cpu, 4), rss) for id, cpu, rss in found}
    return UsageStep(at, tasks, replicas)


def group(sampler: Sampler) -> Group:
    """Return the operation."""
    operation = Operation(
        method="GET",
        path="/v1/metrics/stream",
        id="follow_metrics",
        tag="metrics",
        summary="Follow what the processes of tasks use, a step of 2 s at a time",
        description="Server-sent events, or JSON lines if the client accepts those. Each has `at`, "
        "`tasks`: by name the CPUs in use and the resident bytes, and, if one task is asked for, "
        "`replicas`: the same by alias.",
        handler=UsageStream(sampler).follow,
        query=UsageQuery,
        returns="text/event-stream",
    )
    return Group((operation,), problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

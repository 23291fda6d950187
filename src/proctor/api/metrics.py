"""/v1/metrics, and /metrics for Prometheus: what tasks use, and how the service does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from proctor.core.hosts import is_internal
from proctor.core.model import ReplicaId
from proctor.manager import Manager
from proctor.metrics.logsize import log_sizes
from proctor.metrics.metrics import Metrics
from proctor.metrics.procfs import pss
from proctor.metrics.series import COARSE_STEP, FINE_STEP, Point, Series
from proctor.metrics.usage import Usage

from .errors import PROBLEM_JSON, ProblemDetails, SeedError, problem_details, seed
from .oapi import Call, Group, Nothing, Operation
from .reply import NO_SNIFF, NO_STORE, Reply, json_reply
from .schemas.metrics import (
    MetricsQuery,
    MetricsResponse,
    ReplicaSeries,
    ReplicaUsage,
    SeriesPoint,
    SeriesQuery,
    SeriesResponse,
    TaskUsage,
)

SPANS = {"10m": 600.0, "24h": 86_400.0}


class MetricsApi:
    """The handlers."""

    def __init__(self, manager: Manager, metrics: Metrics, log_root: Path) -> None:
        self._manager = manager
        self._world = manager.world
        self._metrics = metrics
        self._log_root = log_root

    async def show(self, call: Call[MetricsQuery, Nothing]) -> Reply:
        only = call.query.task
        if only is not None:
            self._world.task(only)
        await self._metrics.sampler.ready()
        names = [only] if only else [n for n in self._world.tasks if not is_internal(n)]
        usages = {
            name: [
                (r.id, usage)
                for r in self._world.replicas_of(name)
                if (usage := self._metrics.sampler.usage(r.id)) is not None
            ]
            for name in names
            if name in self._world.tasks
        }
        shares: dict[ReplicaId, int | None] = {}
        if call.query.pss:
            shares = await asyncio.to_thread(_shares, [u for of in usages.values() for u in of])
        tasks = [
            _together(name, [self._entry(id, u, shares.get(id)) for id, u in found])
            for name, found in usages.items()
        ]
        return json_reply(MetricsResponse(self._manager.now().wall, tasks))

    def _entry(self, id: ReplicaId, usage: Usage, share: int | None) -> ReplicaUsage:
        r = self._world.replicas.get(id)
        return ReplicaUsage(
            alias=str(id),
            run=usage.run,
            pid=r.pid if r is not None and r.run == usage.run else None,
            processes=len(usage.pids),
            cpu=None if usage.cpu is None else round(usage.cpu, 4),
            cpu_seconds=usage.cpu_seconds,
            rss=usage.rss,
            pss=share,
            threads=usage.threads,
            fds=usage.fds,
        )

    async def series(self, call: Call[SeriesQuery, Nothing]) -> Reply:
        name, span = call.path["name"], call.query.range
        self._world.task(name)
        await self._metrics.sampler.ready()
        since = self._manager.now().wall - SPANS[span]
        replicas = []
        for r in self._world.replicas_of(name) if name in self._world.tasks else ():
            if (series := self._metrics.sampler.series(r.id)) is not None:
                points = [SeriesPoint(*point) for point in _points(series, span, since)]
                replicas.append(ReplicaSeries(str(r.id), points))
        step = FINE_STEP if span == "10m" else COARSE_STEP
        return json_reply(SeriesResponse(span, step, replicas))

    async def scrape(self, call: Call[Nothing, Nothing]) -> Reply:
        from proctor.metrics import exposition  # Not needed by who does not scrape.

        await self._metrics.sampler.ready()
        ids = [id for id in self._world.replicas if not is_internal(id.task)]
        sizes = await asyncio.to_thread(log_sizes, self._log_root, ids)
        families = exposition.families(self._world, self._metrics, sizes)
        accept = call.header(b"accept")
        body, content_type = await asyncio.to_thread(exposition.text, families, accept)
        return Reply(200, body, ((b"content-type", content_type.encode()), NO_STORE, NO_SNIFF))


def _points(series: Series, span: str, since: float) -> list[Point]:
    return series.fine.points(since) if span == "10m" else series.last_day(since)


def _shares(usages: list[tuple[ReplicaId, Usage]]) -> dict[ReplicaId, int | None]:
    return {id: pss(usage.pids) for id, usage in usages}


def _together(name: str, replicas: list[ReplicaUsage]) -> TaskUsage:
    """Return the sums; None where a part is not known."""

    def known(values: list[Any]) -> Any:
        return None if None in values else sum(values)

    return TaskUsage(
        name=name,
        processes=sum(r.processes for r in replicas),
        cpu=known([r.cpu for r in replicas]),
        cpu_seconds=sum(r.cpu_seconds for r in replicas),
        rss=sum(r.rss for r in replicas),
        pss=known([r.pss for r in replicas]),
        threads=sum(r.threads for r in replicas),
        fds=known([r.fds for r in replicas]),
        replicas=replicas,
    )


_FIGURES: dict[str, Any] = {
    "processes": 2,
    "cpu": 0.25,
    "cpu_seconds": 12.5,
    "rss": 52_428_800,
    "pss": None,
    "threads": 5,
    "fds": 14,
}
USAGE = {
    "at": 1893456000.0,
    "tasks": [
        {
            "name": "web",
            **_FIGURES,
            "replicas": [{"alias": "web:0", "run": 17, "pid": 4321, **_FIGURES}],
        }
    ],
}
SERIES = {
    "range": "10m",
    "step": 2.0,
    "replicas": [
        {
            "alias": "web:0",
            "points": [
                {"at": 1893456000.0, "cpu": 0.25, "rss": 52_428_800, "threads": 5, "fds": 14}
            ],
        }
    ],
}


def group(handlers: MetricsApi) -> Group:
    """Return the operations of /v1 on what tasks use."""
    operations = (
        Operation(
            method="GET",
            path="/v1/metrics",
            id="get_metrics",
            tag="metrics",
            summary="Show what the processes of tasks use now",
            description="Processes are looked at for a minute after somebody asked; the first "
            "answer takes a quarter of a second.",
            handler=handlers.show,
            query=MetricsQuery,
            returns=MetricsResponse,
            answer=USAGE,
            errors={404: "There is no such task."},
        ),
        Operation(
            method="GET",
            path="/v1/tasks/{name}/metrics",
            id="get_task_metrics",
            tag="metrics",
            summary="Show what the processes of a task used over time",
            handler=handlers.series,
            query=SeriesQuery,
            returns=SeriesResponse,
            answer=SERIES,
            places={"name": "The task's name."},
            errors={404: "There is no such task."},
        ),
    )
    return Group(operations, problem_details, ProblemDetails, PROBLEM_JSON[1].decode())


def scraping(handlers: MetricsApi) -> Group:
    """Return /metrics, where Prometheus looks for it."""
    operation = Operation(
        method="GET",
        path="/metrics",
        id="scrape",
        tag="metrics",
        summary="Show all figures as Prometheus reads them",
        description="In the OpenMetrics format if the client accepts it.",
        handler=handlers.scrape,
        returns="text/plain",
    )
    return Group((operation,), seed, SeedError)

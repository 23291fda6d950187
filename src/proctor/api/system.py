"""/v1 on the whole: the graph, health, facts, reload and shutdown."""

from __future__ import annotations

import asyncio
import os

import proctor
from proctor.core.chain import critical_chain
from proctor.core.deps import Blocker
from proctor.core.enforcing import enforced
from proctor.core.errors import NotSupported
from proctor.core.hosts import is_internal, shown_deps
from proctor.core.model import State
from proctor.core.statement import statement
from proctor.manager import Manager

from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .examples import GRAPH, INFO
from .oapi import Call, Group, Nothing, Operation
from .ports import Service
from .reply import Reply, json_reply
from .schemas.system import (
    ChainEntry,
    DoneResponse,
    EdgeEntry,
    GraphResponse,
    HealthResponse,
    InfoResponse,
    NodeEntry,
)
from .selectors import visible


class System:
    """The handlers."""

    def __init__(self, manager: Manager, service: Service) -> None:
        self._manager = manager
        self._world = manager.world
        self._service = service

    async def graph(self, call: Call[Nothing, Nothing]) -> Reply:
        nodes, edges = [], []
        for name in visible(self._world):
            spec = self._world.tasks[name].spec
            if is_internal(name):
                continue
            state = statement(self._world, name).state.value
            nodes.append(NodeEntry(name, spec.type.value, spec.namespace, state))
            why = {b.task: b for b in reversed(self._world.blockers(name))} if spec.deps else {}
            for dep in shown_deps(spec):
                edges.append(
                    EdgeEntry(
                        name, dep.task, dep.until.value, dep.required, _text(why.get(dep.task))
                    )
                )
        chain = [
            ChainEntry(link.task, link.waited, link.took, link.at)
            for link in critical_chain(self._world)
        ]
        return json_reply(GraphResponse(nodes, edges, chain))

    async def health(self, call: Call[Nothing, Nothing]) -> Reply:
        status = "cannot save" if self._manager.records.failing else "ok"
        if self._world.halting:
            status = "stopping"
        response = HealthResponse(status, self._count())
        return json_reply(response, 200 if status == "ok" else 503)

    async def info(self, call: Call[Nothing, Nothing]) -> Reply:
        service = self._service
        replicas = [r for r in self._world.replicas.values() if not is_internal(r.id.task)]
        return json_reply(
            InfoResponse(
                version=proctor.__version__,
                pid=os.getpid(),
                keeper_pid=service.keeper_pid,
                generation=service.generation,
                started=service.started,
                uptime=round(max(0.0, self._manager.now().wall - service.started), 3),
                limits="cgroup " + " ".join(service.controllers) if service.controllers else "none",
                controllers=enforced(service.controllers),
                tasks=self._count(),
                replicas=len(replicas),
                alive=sum(r.alive for r in replicas),
                ready=sum(r.ready for r in replicas),
                failed=sum(r.state is State.FAILED for r in replicas),
            )
        )

    def _count(self) -> int:
        return sum(not is_internal(name) for name in self._world.tasks)

    async def reload(self, call: Call[Nothing, Nothing]) -> Reply:
        return _soon(self._service.reload, "reloading")

    async def shutdown(self, call: Call[Nothing, Nothing]) -> Reply:
        return _soon(self._service.shutdown, "stopping")


def _soon(callback: object, status: str) -> Reply:
    """Have it called at the loop's next turn: the answer is on its way then."""
    if callback is None:
        raise NotSupported("this service cannot do that")
    asyncio.get_running_loop().call_soon(callback)  # type: ignore[arg-type]
    return json_reply(DoneResponse(status), 202)


def _text(blocker: Blocker | None) -> str | None:
    return None if blocker is None else str(blocker)


def group(handlers: System) -> Group:
    """Return the operations on the whole."""
    cannot = {501: "This service cannot do that."}
    operations = (
        Operation(
            method="GET",
            path="/v1/graph",
            id="get_graph",
            tag="system",
            summary="Show the dependencies, what they wait for, and the critical chain",
            handler=handlers.graph,
            returns=GraphResponse,
            answer=GRAPH,
        ),
        Operation(
            method="GET",
            path="/v1/health",
            id="get_health",
            tag="system",
            summary="Say whether the service does its work",
            handler=handlers.health,
            returns=HealthResponse,
            also={503: "It does not: it is stopping, or cannot save."},
            answer={"status": "ok", "tasks": 3},
            public=True,
        ),
        Operation(
            method="GET",
            path="/v1/info",
            id="get_info",
            tag="system",
            summary="Show facts about the service",
            handler=handlers.info,
            returns=InfoResponse,
            answer=INFO,
        ),
        Operation(
            method="POST",
            path="/v1/reload",
            id="reload",
            tag="system",
            summary="Start a new keeper and manager under the running tasks",
            description="The tasks notice nothing. This is how one upgrades.",
            handler=handlers.reload,
            status=202,
            returns=DoneResponse,
            answer={"status": "reloading"},
            errors=cannot,
        ),
        Operation(
            method="POST",
            path="/v1/shutdown",
            id="shutdown",
            tag="system",
            summary="Stop all tasks, then the service",
            handler=handlers.shutdown,
            status=202,
            returns=DoneResponse,
            answer={"status": "stopping"},
            errors=cannot,
        ),
    )
    return Group(operations, problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

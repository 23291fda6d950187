"""Every operation of the API as a request.  Pure; the clients send them.

A selector is a task's name, a replica ("web:0"), a glob ("web*"), "label=tier=front" or "ns=shop".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import EVENTS, JSON_LINES, Call, segment
from .models import (
    FirePage,
    Info,
    Operation,
    PutResult,
    RunPage,
    Task,
    TaskPage,
)

Fields = Mapping[str, Any]


def tasks(select: Sequence[str] = (), state: str | None = None) -> Call[TaskPage]:
    return Call("GET", "/v1/tasks", TaskPage, {"select": list(select), "state": state})


def task(name: str) -> Call[Task]:
    return Call("GET", _task(name), Task)


def create(fields: Fields, wait: float) -> Call[Task]:
    return Call("POST", "/v1/tasks", Task, {"wait": wait}, fields, wait)


def put(name: str, fields: Fields, *, dry_run: bool, roll: bool, wait: float) -> Call[PutResult]:
    query = {"dry_run": dry_run or None, "roll": roll or None, "wait": wait}
    return Call("PUT", _task(name), PutResult, query, fields, wait)


def patch(name: str, fields: Fields, *, dry_run: bool, wait: float) -> Call[PutResult]:
    query = {"dry_run": dry_run or None, "wait": wait}
    return Call("PATCH", _task(name), PutResult, query, fields, wait)


def act(
    verb: str, select: Sequence[str], wait: float, options: Fields | None = None
) -> Call[Operation]:
    """Ask for a verb: start, stop, restart, signal, scale, run, enable, disable, remove ..."""
    body = {"select": list(select), **(options or {})}
    return Call("POST", f"/v1/{verb}", Operation, {"wait": wait}, body, wait)


def operation(id: str, wait: float) -> Call[Operation]:
    return Call("GET", f"/v1/operations/{segment(id)}", Operation, {"wait": wait}, wait=wait)


def runs(name: str, limit: int) -> Call[RunPage]:
    return Call("GET", f"{_task(name)}/runs", RunPage, {"limit": limit})


def next_fires(
    name: str | None, cron: str | None, timezone: str | None, count: int
) -> Call[FirePage]:
    query = {"task": name, "cron": cron, "timezone": timezone, "n": count}
    return Call("GET", "/v1/schedule/next", FirePage, query)


def info() -> Call[Info]:
    return Call("GET", "/v1/info", Info)


def health() -> Call[dict[str, Any]]:
    return Call("GET", "/v1/health", dict)


def graph() -> Call[dict[str, Any]]:
    return Call("GET", "/v1/graph", dict)


def reload() -> Call[dict[str, Any]]:
    return Call("POST", "/v1/reload", dict)


def shutdown() -> Call[dict[str, Any]]:
    return Call("POST", "/v1/shutdown", dict)


def logs(select: Sequence[str], query: Fields) -> Call[bytes]:
    return Call("GET", "/v1/logs", bytes, {"task": list(select), **query}, accept=JSON_LINES)


def events(since: int | None, select: Sequence[str]) -> Call[bytes]:
    query = {"since": since, "task": list(select)}
    return Call("GET", "/v1/events", bytes, query, accept=EVENTS)


def _task(name: str) -> str:
    return f"/v1/tasks/{segment(name)}"

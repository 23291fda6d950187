"""Every operation of the API as a request.  Pure; the clients send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import EVENTS, JSON_LINES, Call, quoted
from .models import (
    Done,
    Fires,
    Graph,
    Health,
    Info,
    Operation,
    PutResult,
    RunList,
    Sent,
    Task,
    TaskList,
    Usage,
)
from .selection import Selection

Fields = Mapping[str, Any]
PAGE = 1000


def tasks(selection: Selection, cursor: str | None) -> Call[TaskList]:
    """One page of the tasks; what a query cannot say, the caller has to filter."""
    labels = ",".join(f"{name}={value}" for name, value in selection.labels.items())
    query = {
        "name": selection.tasks[0].partition(":")[0] if len(selection.tasks) == 1 else None,
        "namespace": selection.namespaces[0] if len(selection.namespaces) == 1 else None,
        "label": labels if labels and not _is_awkward(selection.labels) else None,
        "limit": PAGE,
        "cursor": cursor,
    }
    return Call("GET", "/v1/tasks", TaskList, query)


def task(name: str) -> Call[Task]:
    return Call("GET", _task(name), Task)


def create(fields: Fields) -> Call[PutResult]:
    return Call("POST", "/v1/tasks", PutResult, body=fields)


def put(
    name: str, fields: Fields, *, dry_run: bool, roll: bool, source: str | None
) -> Call[PutResult]:
    query = {"dry_run": dry_run or None, "roll": roll or None, "source": source}
    return Call("PUT", _task(name), PutResult, query, {"name": name, **fields})


def patch(name: str, fields: Fields, *, dry_run: bool, roll: bool) -> Call[PutResult]:
    query = {"dry_run": dry_run or None, "roll": roll or None}
    return Call("PATCH", _task(name), PutResult, query, fields)


def act(verb: str, selection: Selection, options: Fields, wait: float) -> Call[Operation]:
    """Ask for a verb: start, stop, restart, signal, scale, run, enable, disable or delete."""
    query = {**options, "wait": wait}
    return Call("POST", f"/v1/{verb}", Operation, query, selection.body(), wait)


def send_input(name: str, raw: bytes, *, eof: bool, wait: float) -> Call[Sent]:
    query = {"eof": eof or None, "wait": wait}
    return Call("POST", f"{_task(name)}/stdin", Sent, query, raw, wait)


def operation(id: str, wait: float) -> Call[Operation]:
    return Call("GET", f"/v1/operations/{quoted(id)}", Operation, {"wait": wait}, wait=wait)


def runs(name: str, limit: int, replica: int | None) -> Call[RunList]:
    return Call("GET", f"{_task(name)}/runs", RunList, {"limit": limit, "replica": replica})


def next_fires(cron: str, timezone: str | None, count: int) -> Call[Fires]:
    query = {"cron": cron, "tz": timezone, "n": count}
    return Call("GET", "/v1/schedule/next", Fires, query)


def task_fires(name: str, count: int) -> Call[Fires]:
    return Call("GET", f"{_task(name)}/schedule", Fires, {"n": count})


def info() -> Call[Info]:
    return Call("GET", "/v1/info", Info)


def health() -> Call[Health]:
    return Call("GET", "/v1/health", Health)


def graph() -> Call[Graph]:
    return Call("GET", "/v1/graph", Graph)


def reload() -> Call[Done]:
    return Call("POST", "/v1/reload", Done)


def shutdown() -> Call[Done]:
    return Call("POST", "/v1/shutdown", Done)


def usage(name: str | None, *, pss: bool) -> Call[Usage]:
    return Call("GET", "/v1/metrics", Usage, {"task": name, "pss": pss or None})


def logs(selection: Selection, query: Fields) -> Call[bytes]:
    query = {**_of_selected(selection), **query}
    return Call("GET", "/v1/logs", bytes, query, accept=JSON_LINES)


def followed_logs(selection: Selection, query: Fields, after: str) -> Call[bytes]:
    query = {**_of_selected(selection), **query, "after": after or None}
    return Call("GET", "/v1/logs", bytes, query, accept=EVENTS)


def _of_selected(selection: Selection) -> dict[str, Any]:
    labels = ",".join(f"{name}={value}" for name, value in selection.labels.items())
    return {
        "task": ",".join(selection.tasks) or None,
        "namespace": ",".join(selection.namespaces) or None,
        "label": labels or None,
    }


def events(names: Sequence[str], after: str, limit: int | None) -> Call[bytes]:
    query = {"task": ",".join(names) or None, "after": after or None, "limit": limit}
    return Call("GET", "/v1/events", bytes, query, accept=EVENTS)


def _task(name: str) -> str:
    return f"/v1/tasks/{quoted(name)}"


def _is_awkward(labels: Mapping[str, str]) -> bool:
    """Whether a value has what separates labels in a query."""
    return any("," in value for value in labels.values())

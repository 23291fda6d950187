"""`proctor describe`: how a task is, why, and what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from proctor.client.errors import ApiError
from proctor.client.models import LogLine, Replica, Source, Task
from proctor.client.sync import Client

from . import diagnosis
from .failure import told
from .options import json_option, task_argument
from .output import emit_json, paint, printable, state_colour
from .words import duration, moment, plural

OBVIOUS = frozenset({"name", "type", "cmd", "replica", "description", "namespace", "labels"})


@click.command("describe")
@task_argument
@click.option("-n", "--lines", default=10, show_default=True, help="Lines of its log.")
@json_option
def command(name: str, lines: int, as_json: bool) -> None:
    """Say how a task is, why it is not running, and what to do about it.

    \b
    Example:
      proctor describe web
    """
    with told(), Client() as client:
        task = client.task(name.partition(":")[0])  # `web:0`: with the log of that replica.
        log = last_lines(client, name, lines)
    said = diagnosis.advice(task, [line.text for line in log])
    if as_json:
        extra = {"saying": diagnosis.saying(task), "advice": said, "log": log}
        emit_json({**msgspec.to_builtins(task), **msgspec.to_builtins(extra)})
        return
    for line in text(task, said, log, time.time()):
        click.echo(line)


def last_lines(client: Client, name: str, count: int) -> list[LogLine]:
    """Return the last lines of its log; none if the service cannot say."""
    if not count:
        return []
    try:
        return list(client.logs(name, tail=count))
    except ApiError:
        return []


def text(task: Task, said: list[str], log: list[LogLine], now: float) -> Iterator[str]:
    """Yield what there is to say, line by line."""
    spec = task.spec
    state = paint(task.state, state_colour(task.state), bold=True)
    yield f"{paint(task.name, None, bold=True)}  {spec.get('type', '')}  {state}"
    if spec.get("description"):
        yield printable(spec["description"])
    yield ""
    yield diagnosis.saying(task)
    if task.reason:
        yield f"Why: {printable(task.reason)}"
    for blocker in task.blockers:
        if blocker not in task.reason:
            yield f"Waits for: {printable(blocker)}"
    for warning in task.warnings:
        yield paint("warning: ", "yellow") + printable(warning)
    for sentence in said:
        yield paint("→ ", "cyan") + printable(sentence)
    yield ""
    yield from _facts(task, now)
    yield ""
    yield from _replicas(task, now)
    if log:
        yield ""
        yield "Last output:"
        yield from (f"  {printable(line.text)}" for line in log)


def _origin(source: Source | None, now: float) -> str:
    """Return the file it came from; what was changed since by other ways, an apply undoes."""
    if source is None:
        return ""
    text = f"{source.file}, applied {moment(source.applied_at, now)}"
    fields = ", ".join(change.field for change in source.changes)
    return f"{text}; changed since: {fields}" if fields else text


def _facts(task: Task, now: float) -> Iterator[str]:
    spec = task.spec
    command = spec.get("cmd", "")
    rows: list[tuple[str, Any]] = [
        ("command", command if isinstance(command, str) else _words(command)),
        ("namespace", spec.get("namespace", "default")),
        ("labels", ", ".join(f"{k}={v}" for k, v in spec.get("labels", {}).items())),
        ("next fire", _fire(task.next_fire, now)),
        ("dropped fires", task.skipped or ""),
        ("needed by", ", ".join(task.dependents)),
        ("from", _origin(task.source, now)),
    ]
    rows += [(key, _shown(key, value)) for key, value in spec.items() if key not in OBVIOUS]
    for label, value in rows:
        if value not in ("", None):
            yield f"  {label.ljust(14)} {printable(value)}"


def _replicas(task: Task, now: float) -> Iterator[str]:
    width = max((len(r.alias) for r in task.replicas), default=0)
    for r in task.replicas:
        state = paint(r.state.ljust(8), state_colour(r.state))
        yield f"  {r.alias.ljust(width)}  {state}  {_replica(r, now)}".rstrip()


def _replica(r: Replica, now: float) -> str:
    parts = []
    if r.pid is not None:
        parts.append(f"pid {r.pid}, for {duration(r.uptime)}{'' if r.ready else ', not ready'}")
    if r.restarts:
        parts.append(plural(r.restarts, "restart") + " in a row")
    if r.next_restart is not None:
        parts.append(f"again in {duration(max(0.0, r.next_restart - now))}")
    if r.last_exit is not None:
        parts.append(f"last: {printable(r.last_exit.text)}")
    if r.reason and all(r.reason not in part for part in parts):
        parts.append(printable(r.reason))
    return "; ".join(parts)


def _fire(at: float | None, now: float) -> str:
    return "" if at is None else f"{moment(at, now)} (in {duration(max(0.0, at - now))})"


def _words(argv: list[str]) -> str:
    import shlex

    return shlex.join(argv)


def _shown(key: str, value: Any) -> str:
    """Return a field as `proctor add` takes it, where that is shorter."""
    return ", ".join(map(_dep, value)) if key == "deps" else _value(value)


def _dep(dep: Any) -> str:
    if isinstance(dep, str):
        return dep
    text = str(dep["task"]) + (f":{dep['until']}" if "until" in dep else "")
    return text if dep.get("required", True) else f"{text} (if there is one)"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_value(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)

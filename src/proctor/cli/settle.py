"""Waiting until tasks have come to rest where they belong, after they were made or changed."""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import chain, repeat

import click

from proctor.client.models import TaskSummary
from proctor.client.sync import Client

from .failure import FAILED, complain
from .output import emit_json, on_terminal, paint, printable, state_colour

REACHED = frozenset({"running", "scheduled", "completed", "stopped", "disabled"})
ENDS = frozenset({"once"})
"""The types of tasks that are not there before they have run."""

LOST = frozenset({"failed", "blocked", "backoff"})
PAUSES = (0.02, 0.05, 0.1, 0.2)
"""Seconds between two looks, the last one again and again."""

SECOND_LOOK = 0.1
"""Seconds after which what is up is looked at once more: a wrong command ends at once."""


def settle(
    client: Client,
    names: Collection[str],
    timeout: float,
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> None:
    """Wait until each of the tasks is where it belongs, and say where it is.

    Exits with 1 if one is not there within `timeout` seconds.
    """
    tasks = watch(client, names, timeout)
    if any(task.state == "running" for task in tasks):
        time.sleep(SECOND_LOOK)
        tasks = watch(client, names, 0.0)
    if as_json:
        emit_json(tasks)
    elif not quiet:
        _print(tasks)
    if wrong := [task for task in tasks if not is_reached(task)]:
        lines = [_wrong(task, timeout) for task in wrong]
        lines.append(f"see `proctor describe {wrong[0].name}`")
        complain("\n".join(lines))
        raise SystemExit(FAILED)


def is_reached(task: TaskSummary) -> bool:
    """Whether the task is where it belongs: a daemon runs, what runs once has ended well."""
    return task.state in REACHED and not (task.type in ENDS and task.state == "running")


def _wrong(task: TaskSummary, timeout: float) -> str:
    late = "" if task.state in LOST else f" after {timeout:g} s"
    return f"{task.name} is {task.state}{late}" + (f": {task.reason}" if task.reason else "")


def watch(client: Client, names: Collection[str], timeout: float) -> list[TaskSummary]:
    """Return the tasks when all have settled, or the time is over."""
    end = time.monotonic() + timeout
    select = list(names) if len(names) == 1 else []
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        tasks = [task for task in client.tasks(*select) if task.name in names]
        if all(is_reached(task) or task.state in LOST for task in tasks) or time.monotonic() >= end:
            return tasks
        time.sleep(pause)
    raise AssertionError("the pauses never end")


def _print(tasks: list[TaskSummary]) -> None:
    width = max((len(task.name) for task in tasks), default=0) + 2
    for task in tasks:
        if on_terminal():
            state = paint(task.state, state_colour(task.state))
            click.echo(f"{task.name.ljust(width)}{state}  {printable(task.reason)}".rstrip())
        else:
            click.echo(f"{task.name}\t{task.state}\t{printable(task.reason) or '-'}")

"""What all commands do that ask for something to be done: ask, wait, and say what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from msgspec.structs import replace

from proctor.client.errors import OperationFailed, Unfinished
from proctor.client.models import Operation
from proctor.client.sync import Client

from .failure import FAILED, complain, told
from .output import emit_json, on_terminal, paint, state_colour
from .settle import LOST, SECOND_LOOK


def act(
    verb: str,
    select: Sequence[str],
    options: Mapping[str, Any] | None = None,
    *,
    no_wait: bool = False,
    timeout: float = 60.0,
    as_json: bool = False,
) -> None:
    """Do it, and print a line for each replica or task; exits with 1 if not all are reached."""
    with told(), Client() as client:

        def ask() -> Operation:
            operation = client.act(verb, select, options, wait=0.0 if no_wait else timeout)
            return operation if no_wait else _looked_at_again(client, operation)

        report(ask, as_json=as_json)


def _looked_at_again(client: Client, operation: Operation) -> Operation:
    """Return the operation if what came up still is.  Raises OperationFailed."""
    up = {target.alias for target in operation.targets if target.reason == "up"}
    if not up:
        return operation
    time.sleep(SECOND_LOOK)
    tasks = client.tasks(*sorted({alias.rpartition(":")[0] for alias in up}))
    replicas = [r for t in tasks if t.state in LOST for r in client.task(t.name).replicas]
    lost = {r.alias: r.reason for r in replicas if r.alias in up and r.state != "up"}
    if not lost:
        return operation
    targets = [
        replace(t, state="failed", reason=lost[t.alias]) if t.alias in lost else t
        for t in operation.targets
    ]
    failed = replace(operation, state="failed", targets=targets)
    lines = [f"{alias}: {reason}" for alias, reason in sorted(lost.items())]
    raise OperationFailed("\n".join(lines), failed)


def report(ask: Callable[[], Operation], *, as_json: bool) -> None:
    """Print what became of an operation.  Exits with 1 if it was not reached."""
    failure = ""
    try:
        operation = ask()
    except (OperationFailed, Unfinished) as error:
        operation, failure = error.operation, str(error)
    if as_json:
        emit_json(operation)
    else:
        print_outcomes(operation)
    if failure:
        complain(failure)
        raise SystemExit(FAILED)


def print_outcomes(operation: Operation) -> None:
    """Say what is now the case, for people and pipes alike: alias, state and what it came to."""
    width = max((len(target.alias) for target in operation.targets), default=0) + 2
    for target in operation.targets:
        text = target.reason or target.state
        if on_terminal():
            click.echo(target.alias.ljust(width) + paint(text, state_colour(target.state)))
        else:
            click.echo(f"{target.alias}\t{target.state}\t{text}")


def need_some(select: Sequence[str], everything: bool) -> list[str]:
    """Return the selectors; all tasks have to be asked for on purpose."""
    if everything and select:
        raise click.UsageError("name tasks, or give --all, not both")
    if not everything and not select:
        raise click.UsageError("name tasks, or give --all")
    return ["*"] if everything else list(select)

"""`proctor runs`: what ran, when, and how it ended."""

from __future__ import annotations

import time

import click

from proctor.client.models import Run
from proctor.client.sync import Client

from .failure import told
from .options import json_option, task_argument
from .output import emit_json, table
from .words import duration, moment

HEAD = ("RUN", "REPLICA", "TRIGGER", "ATTEMPT", "PID", "STARTED", "DURATION", "RESULT")


@click.command("runs")
@task_argument
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def command(name: str, limit: int, as_json: bool) -> None:
    """List the last runs of a task, or of a replica of it, the newest first.

    \b
    Examples:
      proctor runs backup
      proctor runs web:0 -n 5
    """
    task, _, index = name.partition(":")
    with told(), Client() as client:
        runs = client.runs(task, limit=limit, replica=_number(index))
    if as_json:
        emit_json(runs)
        return
    now = time.time()
    table(HEAD, [_row(run, now) for run in runs], {7: _colour})


def _number(index: str) -> int | None:
    if index and not index.isdecimal():
        raise click.UsageError(f"{index!r} is no replica's number")
    return int(index) if index else None


def _row(run: Run, now: float) -> tuple[str, ...]:
    going = run.ended is None
    result = "running" if going else "ok" if run.ok else ""
    text = "" if run.exit is None else run.exit.text
    return (
        str(run.run),
        run.alias,
        run.trigger,
        str(run.attempt),
        str(run.pid or ""),
        moment(run.started, now),
        duration(now - run.started if going else run.duration),
        result if going or not text else f"{result}, {text}" if result else text,
    )


def _colour(result: str) -> str:
    return "yellow" if result == "running" else "green" if result.startswith("ok") else "red"

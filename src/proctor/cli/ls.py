"""`proctor ls`: the tasks, one line each."""

from __future__ import annotations

import time

import click

from proctor.client.models import TaskSummary
from proctor.client.sync import Client

from .failure import complain, told
from .options import json_option, select_argument
from .output import emit_json, on_terminal, state_colour, table
from .words import duration, moment

HEAD = ("NAME", "TYPE", "STATE", "READY", "PID", "UPTIME", "RESTARTS", "NEXT", "REASON")


@click.command("ls")
@select_argument()
@click.option("-s", "--state", help="Only tasks in these states: failed,backoff")
@json_option
def command(select: tuple[str, ...], state: str | None, as_json: bool) -> None:
    """List tasks: all, or those that names, globs, ns=NAME or label=NAME=VALUE select.

    In a pipe the columns are separated by tabs, and an empty one is "-".

    \b
    Examples:
      proctor ls
      proctor ls 'web*' ns=shop
      proctor ls --state failed,blocked --json
    """
    with told(), Client() as client:
        found = client.tasks(*select)
    states = state.split(",") if state else None
    tasks = [task for task in found if states is None or task.state in states]
    if as_json:
        emit_json(tasks)
    elif tasks or not on_terminal():
        now = time.time()
        colours = {2: state_colour}
        table(HEAD, [row(task, now) for task in tasks], colours)
    else:
        click.echo("no task" + (" fits" if select or state else "s yet: see `proctor add --help`"))
    if select and not found:
        complain(f"no task fits {' '.join(select)}")
        raise SystemExit(1)


def row(task: TaskSummary, now: float) -> tuple[str, ...]:
    """Return the cells of a task's line; absent ones are empty."""
    pids = [str(pid) for pid in task.pids]
    uptime = None if task.started is None else max(0.0, now - task.started)
    return (
        task.name,
        task.type,
        task.state,
        f"{task.ready}/{task.replicas}",
        pids[0] + (f"+{len(pids) - 1}" if len(pids) > 1 else "") if pids else "",
        duration(uptime) if uptime is not None else "",
        str(task.restarts),
        moment(task.next_fire, now) if task.next_fire is not None else "",
        task.reason,
    )

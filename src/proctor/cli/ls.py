"""`proctor ls`: the tasks, one line each."""

from __future__ import annotations

import time

import click

from proctor.client.models import TaskSummary, TaskUsage
from proctor.client.sync import Client

from .failure import complain, told
from .options import json_option, select_argument
from .output import emit_json, on_terminal, state_colour, table
from .words import duration, moment, size

HEAD = ("NAME", "TYPE", "STATE", "READY", "PID", "UPTIME", "RESTARTS", "NEXT", "REASON")
USED = ("CPU", "MEM")


@click.command("ls")
@select_argument()
@click.option("-s", "--state", help="Only tasks in these states: failed,backoff")
@click.option("-u", "--usage", "with_usage", is_flag=True, help="With CPU and memory.")
@json_option
def command(select: tuple[str, ...], state: str | None, with_usage: bool, as_json: bool) -> None:
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
        usages = {u.name: u for u in client.usage().tasks} if with_usage else {}
    states = state.split(",") if state else None
    tasks = [task for task in found if states is None or task.state in states]
    if as_json:
        emit_json([_with_usage(t, usages.get(t.name)) for t in tasks] if with_usage else tasks)
    elif tasks or not on_terminal():
        now = time.time()
        colours = {2: state_colour}
        rows = [row(task, now) for task in tasks]
        if with_usage:
            rows = [(*r[:7], *used(usages.get(r[0])), *r[7:]) for r in rows]
        table((*HEAD[:7], *USED, *HEAD[7:]) if with_usage else HEAD, rows, colours)
    else:
        click.echo("no task" + (" fits" if select or state else "s yet: see `proctor add --help`"))
    if select and not found:
        complain(f"no task fits {' '.join(select)}")
        raise SystemExit(1)


def used(usage: TaskUsage | None) -> tuple[str, str]:
    """Return the cells of what a task uses: the share of one CPU, and resident memory."""
    if usage is None or not usage.replicas:
        return "", ""
    cpu = "" if usage.cpu is None else f"{usage.cpu * 100:.1f}%"
    return cpu, size(usage.rss)


def _with_usage(task: TaskSummary, usage: TaskUsage | None) -> dict[str, object]:
    import msgspec

    found: dict[str, object] = msgspec.to_builtins(task)
    return {**found, "usage": msgspec.to_builtins(usage)}


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

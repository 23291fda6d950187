"""`proctor next`: when schedules fire."""

from __future__ import annotations

import time

import click

from proctor.client.models import Fire
from proctor.client.sync import Client

from .failure import told
from .options import Selector, json_option
from .output import emit_json, table
from .words import duration

HEAD = ("TASK", "IN", "LOCAL", "UTC")
MANY = 100


@click.command("next")
@click.argument("what", required=False, type=Selector(), metavar="[TASK | EXPRESSION]")
@click.option("-n", "--count", default=5, show_default=True, type=click.IntRange(1, 1000))
@click.option("--tz", help="The IANA zone of an expression.")
@json_option
def command(what: str | None, count: int, tz: str | None, as_json: bool) -> None:
    """Show when a task, a cron expression, or anything at all fires next.

    \b
    Examples:
      proctor next
      proctor next backup -n 10
      proctor next '30 2 * * *' --tz Europe/Riga
    """
    with told(), Client() as client:
        if what is None:
            rows = _all(client, count)
        elif _is_expression(what):
            rows = [(what, fire) for fire in client.next_fires(what, timezone=tz, count=count)]
        else:
            rows = [(what, fire) for fire in client.task_fires(what, count=count).fires]
    if as_json:
        emit_json([{"task": task, "at": f.at, "utc": f.utc, "local": f.local} for task, f in rows])
        return
    now = time.time()
    table(HEAD, [(task, duration(f.at - now), f.local, f.utc) for task, f in rows], {})


def _all(client: Client, count: int) -> list[tuple[str, Fire]]:
    """Return the next fires of all tasks together."""
    due = [task for task in client.tasks() if task.next_fire is not None]
    due.sort(key=lambda task: task.next_fire or 0.0)
    found = [
        (task.name, fire)
        for task in due[: min(count, MANY)]
        for fire in client.task_fires(task.name, count=count).fires
    ]
    return sorted(found, key=lambda pair: pair[1].at)[:count]


def _is_expression(text: str) -> bool:
    return " " in text.strip() or text.startswith("@")

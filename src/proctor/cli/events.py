"""`proctor events`: what happens, as it happens."""

from __future__ import annotations

import sys

import click
import msgspec

from proctor.client.models import Event
from proctor.client.sync import Client

from .failure import told
from .options import json_option, select_argument
from .output import on_terminal, paint, printable
from .words import clock

COLOURS = {"failed": "red", "up": "green", "ready": "green", "backoff": "yellow"}


@click.command("events")
@select_argument()
@click.option("--after", type=int, metavar="ID", help="Go on after the event with this id.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="End after so many.")
@json_option
def command(select: tuple[str, ...], after: int | None, limit: int | None, as_json: bool) -> None:
    """Show what happens to tasks until you press Ctrl-C.

    \b
    Examples:
      proctor events
      proctor events 'web*' --json
    """
    with told(), Client() as client:
        try:
            for event in client.events(*select, after=after, limit=limit):
                _print(event, as_json)
        except KeyboardInterrupt:
            return


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    else:
        sys.stdout.write(line(event) + "\n")
    sys.stdout.flush()


def line(event: Event) -> str:
    """Return an event as a line: tabs in a pipe, columns on a terminal."""
    name = event.task if event.replica is None else f"{event.task}:{event.replica}"
    cells = [clock(event.at), name or "-", event.kind, event.actor or "-"]
    reason = printable(event.reason)
    if not on_terminal():
        return "\t".join([str(event.id), *cells, reason or "-"])
    colour = COLOURS.get(event.kind.rpartition(".")[2])
    kind = paint(cells[2].ljust(18), colour)
    return f"{cells[0]}  {cells[1].ljust(20)}  {kind}  {cells[3].ljust(16)}  {reason}".rstrip()

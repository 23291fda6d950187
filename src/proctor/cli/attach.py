"""`proctor attach`: the terminal of a task."""

from __future__ import annotations

import sys

import click

from .failure import told
from .options import task_argument
from .terminal import Line, raw, talk


@click.command("attach")
@task_argument
@click.option("--no-stdin", is_flag=True, help="Only look.")
def command(name: str, no_stdin: bool) -> None:
    """Use the terminal of a task that has one (`tty = true`).  Ctrl-P Ctrl-Q leaves it running.

    \b
    Examples:
      proctor attach game
      proctor attach game:1
    """
    with told():
        line = Line(f"/v1/tasks/{name}/attach")
        typed = None if no_stdin else sys.stdin.fileno()
        with line, raw(typed):
            line.resize()
            end = talk(line, typed, at_end=line.leave)
    if end.detached:
        click.echo("detached", err=True)
    elif end.reason:
        click.echo(end.reason, err=True)

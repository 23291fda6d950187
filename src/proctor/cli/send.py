"""`proctor send`: to the standard input of a task."""

from __future__ import annotations

import sys

import click

from proctor.client.sync import Client

from .failure import told
from .options import task_argument


@click.command("send")
@task_argument
@click.argument("text", required=False)
def command(name: str, text: str | None) -> None:
    """Write TEXT and a line end, or what comes on standard input, to a task's standard input.

    The task needs `stdin = "pipe"`.

    \b
    Examples:
      proctor send game 'say hello'
      echo ping | proctor send echo:0
    """
    raw = sys.stdin.buffer.read() if text is None else f"{text}\n".encode()
    with told(), Client() as client:
        client.send_input(name, raw)

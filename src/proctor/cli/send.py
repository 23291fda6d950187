"""`proctor send`: to the standard input of a task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from proctor.client.sync import Client

from .failure import told
from .options import Duration, task_argument

PIECE = 256 << 10
"""How many bytes are sent at a time: the service bounds what one request may bring."""


@click.command("send")
@task_argument
@click.argument("text", required=False)
@click.option("--eof", is_flag=True, help="Close its input then: it sees the end of it.")
@click.option(
    "--wait",
    type=Duration(),
    default=5.0,
    show_default="5s",
    help="How long it may take to read what is sent.",
)
def command(name: str, text: str | None, eof: bool, wait: float) -> None:
    """Write TEXT and a line end, or what comes on standard input (-), to a task's standard input.

    The task needs `stdin = "pipe"` or `tty = true`.

    \b
    Examples:
      proctor send game 'say hello'
      echo ping | proctor send echo:0
      proctor send sort - --eof < words
    """
    with told(), Client() as client:
        pieces = _standard_input() if text in (None, "-") else iter([f"{text}\n".encode()])
        sent = False
        for piece in pieces:
            client.send_input(name, piece, wait=wait)
            sent = True
        # Where there is nothing to send, whether the task would take it is told all the same.
        if eof or not sent:
            client.send_input(name, b"", eof=eof, wait=wait)


def _standard_input() -> Iterator[bytes]:
    while piece := os.read(sys.stdin.fileno(), PIECE):
        yield piece

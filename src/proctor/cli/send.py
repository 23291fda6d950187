"""`proctor send`: to the standard input of a task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click
from msgspec.structs import replace

from proctor.client.sync import Client

from .failure import told
from .options import Duration, json_option, task_argument
from .output import emit_json

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
@json_option
def command(name: str, text: str | None, eof: bool, wait: float, as_json: bool) -> None:
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
        sent, written = None, 0
        for piece in pieces:
            sent = client.send_input(name, piece, wait=wait)
            written += sent.written
        # Where there is nothing to send, whether the task would take it is told all the same.
        if eof or sent is None:
            sent = client.send_input(name, b"", eof=eof, wait=wait)
    if as_json:
        emit_json(replace(sent, written=written))


def _standard_input() -> Iterator[bytes]:
    while piece := os.read(sys.stdin.fileno(), PIECE):
        yield piece

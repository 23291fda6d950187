"""`proctor top`: the tasks on the whole screen, live."""

from __future__ import annotations

import sys

import click

from .failure import Failed, Misused, told
from .options import select_argument


@click.command("top")
@select_argument()
@click.option("--every", default=1.0, show_default=True, help="Seconds between two looks.")
def command(select: tuple[str, ...], every: float) -> None:
    """Watch the tasks on the whole screen: states, CPU, memory, restarts, and what they write.

    Keys: arrows, j and k choose, / filters, s starts, x stops, r restarts, R restarts a few
    replicas at a time, n runs now, l shows the log on the whole screen, q or Ctrl-C quits.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misused("top needs a terminal; in a pipe use `proctor ls --usage`")
    try:
        from .screen import Top
    except ImportError:
        raise Failed("top needs Textual: pip install 'proctor[tui]'") from None
    from proctor.client.aio import AsyncClient
    from proctor.client.sync import Client

    with told():
        with Client() as client:
            client.health()
        Top(AsyncClient(), select, max(0.1, every)).run()

"""`proctor signal`."""

from __future__ import annotations

import click

from .options import json_option, select_argument
from .verbs import act


@click.command("signal")
@click.argument("signal", metavar="SIGNAL")
@select_argument(required=True)
@json_option
def command(signal: str, select: tuple[str, ...], as_json: bool) -> None:
    """Send a signal to the processes of tasks.

    \b
    Example:
      proctor signal HUP web
    """
    act("signal", select, {"signal": signal}, timeout=10.0, as_json=as_json)

"""`proctor signal`."""

from __future__ import annotations

import signal as signals

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
    if not _is_signal(signal):
        hint = f": `proctor signal {select[0]} {signal}`" if _is_signal(select[0]) else ""
        raise click.UsageError(f"{signal} is no signal (HUP, USR1 ...){hint}")
    act("signal", select, {"signal": signal}, timeout=10.0, as_json=as_json)


def _is_signal(name: str) -> bool:
    return f"SIG{name.removeprefix('SIG')}" in signals.Signals.__members__

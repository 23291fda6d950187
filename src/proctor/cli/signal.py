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
    """Send a signal, by name or number, to the processes of tasks.

    \b
    Example:
      proctor signal HUP web
    """
    name = _name(signal)
    if name is None:
        hint = f": `proctor signal {select[0]} {signal}`" if _name(select[0]) else ""
        raise click.UsageError(f"{signal} is no signal (HUP, USR1 ...){hint}")
    act("signal", select, {"signal": name}, timeout=10.0, as_json=as_json)


def _name(signal: str) -> str | None:
    """Return the name of the signal that was typed ("HUP", "SIGHUP", "1"); None: it is none."""
    known = signals.Signals.__members__
    names = {str(number.value): name for name, number in known.items()}
    name = names.get(signal, f"SIG{signal.removeprefix('SIG')}")
    return name if name in known else None

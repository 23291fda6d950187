"""`proctor enable`."""

from __future__ import annotations

import click

from .options import json_option, select_argument
from .verbs import act


@click.command("enable")
@select_argument(required=True)
@json_option
def command(select: tuple[str, ...], as_json: bool) -> None:
    """Let tasks start by themselves, and by their schedule, again.

    What runs is left as it is.
    """
    act("enable", select, timeout=10.0, as_json=as_json)

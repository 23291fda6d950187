"""`proctor disable`."""

from __future__ import annotations

import click

from .options import json_option, select_argument
from .verbs import act


@click.command("disable")
@select_argument(required=True)
@json_option
def command(select: tuple[str, ...], as_json: bool) -> None:
    """Keep tasks from starting by themselves, or by their schedule.

    What runs is left as it is.
    """
    act("disable", select, timeout=10.0, as_json=as_json)

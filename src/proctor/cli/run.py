"""`proctor run`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act


@click.command("run")
@select_argument(required=True)
@wait_options
@json_option
def command(select: tuple[str, ...], no_wait: bool, timeout: float, as_json: bool) -> None:
    """Run tasks now, whatever their schedule says, and wait until the runs are over.

    \b
    Example:
      proctor run backup --timeout 10m
    """
    act("run", select, no_wait=no_wait, timeout=timeout, as_json=as_json)

"""`proctor start`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act, need_some


@click.command("start")
@select_argument()
@click.option("--all", "everything", is_flag=True, help="All tasks.")
@wait_options
@json_option
def command(
    select: tuple[str, ...], everything: bool, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Start tasks, and wait until they are up and ready, or have run.

    \b
    Examples:
      proctor start web db
      proctor start 'web*' label=tier=front
      proctor start web:0 --no-wait
    """
    chosen = need_some(select, everything)
    act("start", chosen, no_wait=no_wait, timeout=timeout, as_json=as_json)

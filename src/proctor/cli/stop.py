"""`proctor stop`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act, need_some


@click.command("stop")
@select_argument()
@click.option("--all", "everything", is_flag=True, help="All tasks.")
@wait_options
@json_option
def command(
    select: tuple[str, ...], everything: bool, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Stop tasks, and wait until nothing of them is left alive.

    \b
    Examples:
      proctor stop web db
      proctor stop 'web*' label=tier=front
      proctor stop web:0 --no-wait
    """
    chosen = need_some(select, everything)
    act("stop", chosen, no_wait=no_wait, timeout=timeout, as_json=as_json)

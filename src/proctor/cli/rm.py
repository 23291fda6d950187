"""`proctor rm`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act, need_some


@click.command("rm")
@select_argument()
@click.option("--all", "everything", is_flag=True, help="All tasks.")
@wait_options
@json_option
def command(
    select: tuple[str, ...], everything: bool, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Stop tasks and forget them; what they wrote is kept for as long as logs are.

    \b
    Example:
      proctor rm web
    """
    chosen = need_some(select, everything)
    act("delete", chosen, no_wait=no_wait, timeout=timeout, as_json=as_json)

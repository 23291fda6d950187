"""`proctor restart`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act, need_some


@click.command("restart")
@select_argument()
@click.option("--all", "everything", is_flag=True, help="All tasks.")
@click.option("--rolling", is_flag=True, help="A few replicas at a time, others when those are up.")
@wait_options
@json_option
def command(
    select: tuple[str, ...],
    everything: bool,
    rolling: bool,
    no_wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Stop and start tasks, and wait until they are up and ready again.

    \b
    Examples:
      proctor restart web
      proctor restart --rolling 'web*'
    """
    chosen = need_some(select, everything)
    options = {"roll": True} if rolling else None
    act("restart", chosen, options, no_wait=no_wait, timeout=timeout, as_json=as_json)

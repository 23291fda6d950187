"""`proctor rm`."""

from __future__ import annotations

import click

from proctor.client.sync import Client

from .failure import told
from .options import json_option, select_argument, wait_options
from .verbs import need_some, report


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
    with told(), Client() as client:
        wait = 0.0 if no_wait else timeout
        report(lambda: client.remove(*chosen, wait=wait), as_json=as_json)

"""`proctor scale`."""

from __future__ import annotations

import click

from .options import json_option, select_argument, wait_options
from .verbs import act


@click.command("scale")
@select_argument(required=True)
@click.argument("replica", type=click.IntRange(min=0), metavar="REPLICAS")
@wait_options
@json_option
def command(
    select: tuple[str, ...], replica: int, no_wait: bool, timeout: float, as_json: bool
) -> None:
    """Change how many replicas tasks have; those that stay are not touched.

    \b
    Example:
      proctor scale web 4
    """
    options = {"replica": replica}
    act("scale", select, options, no_wait=no_wait, timeout=timeout, as_json=as_json)

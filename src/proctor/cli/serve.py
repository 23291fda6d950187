"""`proctor serve`: the service in the foreground."""

from __future__ import annotations

import sys

import click

from proctor import serving


@click.command("serve")
def command(**given: object) -> None:
    """Run the service: a keeper, which is this process, and under it the manager."""
    sys.exit(serving.serve({name: value for name, value in given.items() if value is not None}))


for option in serving.OPTIONS:
    command.params.append(
        click.Option(
            [f"--{option.name}"],
            type=None if option.flag else option.type,
            is_flag=option.flag,
            default=None,
            help=option.help,
        )
    )

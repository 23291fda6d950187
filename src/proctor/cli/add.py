"""`proctor add`: a task from the command line."""

from __future__ import annotations

import os
from typing import Any

import click

from proctor.client.sync import Client

from .failure import Misused, told
from .fieldopts import FIELD_OPTIONS, fields_of
from .options import json_option, wait_options
from .output import emit_json, on_terminal
from .settle import settle


def _with_fields(function: Any) -> Any:
    for option in reversed(FIELD_OPTIONS):
        function = option(function)
    return function


@click.command("add", context_settings={"ignore_unknown_options": False})
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD [ARG]...")
@_with_fields
@click.option("--shell", help="A command line for /bin/sh, in place of CMD.")
@click.option("--replace", is_flag=True, help="Change the task if there is one of that name.")
@wait_options
@json_option
def command(
    name: str,
    words: tuple[str, ...],
    shell: str | None,
    replace: bool,
    no_wait: bool,
    timeout: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a task, start it, and wait until it is up, or has run.

    CMD and its arguments are run as they are, without a shell, in the current folder unless --cwd
    says another.

    \b
    Examples:
      proctor add web --type daemon --replica 2 --env PORT=8080 -- ./server --verbose
      proctor add backup --cron '30 2 * * *' --timezone Europe/Berlin -- /usr/bin/backup
      proctor add hello --type once --shell 'echo $HOME'
    """
    if bool(words) == bool(shell):
        raise Misused("give the command: either after --, or with --shell")
    fields = fields_of(given)
    fields["cmd"] = shell or list(words)
    fields.setdefault("cwd", os.getcwd())
    with told(), Client() as client:
        result = client.put(name, fields) if replace else client.create(name, fields)
        if as_json and no_wait:
            emit_json(result)
        if not no_wait:
            settle(client, [name], timeout, as_json=as_json)
        elif not as_json:
            gap = "  " if on_terminal() else "\t"
            click.echo(f"{name}{gap}{result.result}")

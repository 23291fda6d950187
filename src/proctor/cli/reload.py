"""`proctor reload`: a new manager and keeper under the running tasks."""

from __future__ import annotations

import click

from .failure import told
from .options import json_option
from .output import emit_json


@click.command("reload")
@json_option
def command(as_json: bool) -> None:
    """Start a new manager and keeper under the running tasks, which notice nothing.

    This is how one upgrades Proctor: install the new version, then reload.
    """
    from proctor.client.sync import Client

    with told(), Client() as client:
        info = client.reload()
    if as_json:
        emit_json({"pid": info.pid, "keeper_pid": info.keeper_pid, "version": info.version})
        return
    click.echo(f"manager {info.pid}, keeper {info.keeper_pid}, version {info.version}")

"""`proctor reload`: a new manager and keeper under the running tasks."""

from __future__ import annotations

import click

from .failure import told


@click.command("reload")
def command() -> None:
    """Start a new manager and keeper under the running tasks, which notice nothing.

    This is how one upgrades Proctor: install the new version, then reload.
    """
    from proctor.client.sync import Client

    with told(), Client() as client:
        info = client.reload()
    click.echo(f"manager {info.pid}, keeper {info.keeper_pid}, version {info.version}")

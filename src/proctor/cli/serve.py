"""`proctor serve`: the service in the foreground."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("serve")
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (default 8606).")
@click.option("--state-dir", help="Where everything is kept (default $PROCTOR_STATE_DIR, or XDG).")
@click.option("--unix-socket", help='Path of the socket for this user ("none" for none).')
@click.option("--config", "file", type=Path, help="Settings as a TOML file.")
@click.option("--token-file", help="File with the token that clients must show.")
@click.option("--insecure", is_flag=True, default=None, help="Listen for others without a token.")
def command(file: Path | None, **given: object) -> None:
    """Run the service: a keeper, which is this process, and under it the manager."""
    from proctor import config

    try:
        settings = config.load(file, given)
    except config.ConfigError as error:
        click.echo(f"proctor: {error}", err=True)
        sys.exit(2)
    from proctor import daemon

    # The keeper started us with its end of the line: see proctor.__main__.
    sys.exit(daemon.run(settings, int(os.environ["PROCTOR_KEEPER_FD"])))

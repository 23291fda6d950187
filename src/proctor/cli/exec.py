"""`proctor exec`: a command run as a task runs."""

from __future__ import annotations

import sys

import click
import msgspec

from .failure import Failed, told
from .options import task_argument
from .terminal import Line, raw, talk, window

NOT_STARTED = 127
"""Exit status when there was nothing to run, as the shell's."""


class _End(msgspec.Struct):
    """The last thing that the service says of a command."""

    code: int | None
    signal: int | None
    error: str | None


@click.command("exec", context_settings={"ignore_unknown_options": True})
@task_argument
@click.option("-t/-T", "--tty/--no-tty", default=None, help="With a terminal. Default: as here.")
@click.argument("cmd", nargs=-1, required=True, type=click.UNPROCESSED)
def command(name: str, tty: bool | None, cmd: tuple[str, ...]) -> None:
    """Run a command in a task's surroundings: its environment, folder, user and limits.

    It ends with this command, and its exit status is this one's.

    \b
    Examples:
      proctor exec web -- sh
      proctor exec db:0 -- pg_dump shop > shop.sql
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty() if tty is None else tty
    with told():
        line = Line(f"/v1/tasks/{name}/exec")
        with line, raw(sys.stdin.fileno() if terminal else None):
            size = window() if terminal else None
            line.say({"cmd": cmd, "size": size})
            end = talk(line, sys.stdin.fileno(), at_end=line.say_eof, detach=False)
    sys.exit(_status(end.last, end.reason))


def _status(last: str, reason: str) -> int:
    """Return the exit status that the command's end comes to."""
    if not last:
        raise Failed(reason or "the connection is gone")
    end = msgspec.json.decode(last, type=_End)
    if end.signal is not None:
        return 128 + end.signal
    if end.code is None:
        click.echo(f"proctor: {end.error or 'it could not be run'}", err=True)
        return NOT_STARTED
    return end.code

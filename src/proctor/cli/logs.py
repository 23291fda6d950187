"""`proctor logs`: what tasks write, interleaved in time order."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

import click
import msgspec

from proctor.client.sync import Client

from .failure import told
from .loglines import Column, shown
from .options import json_option, select_argument
from .words import parse_moment


@click.command("logs")
@select_argument()
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last so many lines.")
@click.option("--since", help="Only later than 10m ago, 12:30, or 2026-11-24 12:00.")
@click.option("--until", "until_", help="Only earlier than that.")
@click.option("--grep", metavar="RE", help="Only lines that match the regular expression.")
@click.option("--run", type=int, help="Only of the run with this id.")
@click.option("--level", help="Only JSON lines of this level and above.")
@click.option(
    "--stream",
    type=click.Choice(["out", "err"]),
    help="Only output, or errors, of tasks that keep them apart.",
)
@click.option("--all", "all_", is_flag=True, help="Also of earlier tasks of the same names.")
@click.option("-t", "--times", is_flag=True, help="Say when each line was written.")
@click.option("--no-prefix", is_flag=True, help="Do not say whose a line is.")
@json_option
def command(
    select: tuple[str, ...],
    follow: bool,
    tail: int | None,
    since: str | None,
    until_: str | None,
    grep: str | None,
    run: int | None,
    level: str | None,
    stream: str | None,
    all_: bool,
    times: bool,
    no_prefix: bool,
    as_json: bool,
) -> None:
    """Show what tasks write; without a number, the last 100 lines when following.

    Following goes on with tasks and replicas that come later, and through restarts of the manager.
    Without --since or --all, what earlier tasks of the same names wrote is not shown.

    \b
    Examples:
      proctor logs web
      proctor logs -f web db:1 'worker*' --since 10m --grep ERROR -t
      proctor logs backup --run 3 --json
    """
    query: dict[str, Any] = {
        "follow": follow or None,
        "tail": 100 if follow and tail is None and since is None else tail,
        "since": _moment(since, "--since"),
        "until": _moment(until_, "--until"),
        "grep": _pattern(grep),
        "run": run,
        "level": level,
        "stream": stream,
        "all": all_ or None,
    }
    column = None if no_prefix or _is_one(select) else Column()
    with told(), Client() as client:
        try:
            for line in client.logs(*select, **query):
                text = (
                    msgspec.json.encode(line).decode()
                    if as_json
                    else shown(line, column, times=times)
                )
                sys.stdout.write(text + "\n")
                if follow:
                    sys.stdout.flush()
        except KeyboardInterrupt:
            return


def _is_one(select: tuple[str, ...]) -> bool:
    """Whether only one replica, or one task by its name, is meant: then all lines are its."""
    return len(select) == 1 and not re.search(r"[*?\[=]", select[0])


def _moment(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    try:
        return round(parse_moment(text, time.time()), 3)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _pattern(text: str | None) -> str | None:
    if text is not None:
        try:
            re.compile(text)
        except re.error as error:
            message = f"not a regular expression: {error}"
            raise click.BadParameter(message, param_hint="--grep") from None
    return text

"""The exit status tells the truth: 0 reached, 1 not, 2 used wrongly, 3 no service."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from proctor.client.errors import (
    ApiError,
    ClientError,
    NothingSelected,
    NotReachable,
    OperationFailed,
    Unfinished,
)

REACHED, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
WRONG = frozenset({400, 422})
"""The HTTP statuses that mean that what was asked could never be done as it was put."""


class Failed(click.ClickException):
    """What was asked for was not reached; the message says why."""

    exit_code = FAILED

    def show(self, file: object = None) -> None:
        complain(self.message)


class Misused(Failed):
    """The command line, or the file it names, is wrong."""

    exit_code = USAGE


class Unreachable(Failed):
    exit_code = UNREACHABLE


def complain(message: str) -> None:
    """Say what is wrong, on standard error."""
    first, *more = message.splitlines() or [""]
    click.echo(_red("proctor: ") + first, err=True)
    for line in more:
        click.echo(f"  {line}", err=True)


def _red(text: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, fg="red")  # click takes it out of a pipe.


@contextmanager
def told() -> Iterator[None]:
    """Turn what a client raises into a message and an exit status."""
    try:
        yield
    except NotReachable as error:
        raise Unreachable(str(error)) from None
    except ApiError as error:
        if error.status == 401:
            raise Failed(f"{error} (give the token in PROCTOR_TOKEN)") from None
        raise refusal(error)(str(error)) from None
    except (NothingSelected, OperationFailed, Unfinished) as error:
        raise Failed(str(error)) from None
    except ClientError as error:  # No selector, or no address of a service.
        raise Misused(str(error)) from None


def refusal(error: ApiError) -> type[Failed]:
    """Return whether it is the command that is wrong, or the state of things that is against it."""
    return Misused if error.status in WRONG else Failed


def leave_quietly() -> NoReturn:
    """End as `ls | head` expects: nobody reads us any more, and that is no fault."""
    say_no_more()
    raise SystemExit(0)


def not_written(error: OSError) -> NoReturn:
    """End because something, most likely what we print, could not be written or read."""
    say_no_more()
    raise Failed(str(error)) from None


def say_no_more() -> None:
    """Drop what is still to be printed, which Python would try again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Arguments and options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .words import parse_duration

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """Seconds, written as 10m, 1h30m or 90."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Selector(click.ParamType[str]):
    """Names of tasks, completed by the service."""

    name = "task"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in known_names(incomplete)]


def known_names(incomplete: str) -> list[str]:
    """Return what a selector that begins so may become: tasks, and replicas after a colon."""
    from proctor.client.errors import ClientError
    from proctor.client.sync import Client

    try:
        with Client(timeout=2.0, patience=0.0) as client:
            tasks = client.tasks()
    except ClientError:
        return []
    if ":" in incomplete:
        names = [f"{task.name}:{n}" for task in tasks for n in range(task.replicas)]
    else:
        names = [task.name for task in tasks]
    return [name for name in names if name.startswith(incomplete)]


TASKS = {True: "TASK...", False: "[TASK]..."}


def select_argument(required: bool = False) -> Callable[[F], F]:
    return click.argument(
        "select", nargs=-1, required=required, type=Selector(), metavar=TASKS[required]
    )


def task_argument(function: F) -> F:
    return click.argument("name", type=Selector(), metavar="TASK")(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def wait_options(function: F) -> F:
    timeout = click.option(
        "--timeout",
        type=Duration(),
        default=60.0,
        show_default="60s",
        help="How long to wait for the result.",
    )
    no_wait = click.option("--no-wait", is_flag=True, help="Return when it is asked for.")
    return timeout(no_wait(function))

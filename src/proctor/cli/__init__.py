"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

import proctor

SECTIONS = {
    "Tasks": {
        "ls": "List the tasks.",
        "describe": "Say how a task is, why it is not running, and what to do.",
        "add": "Make a task from the command line.",
        "rm": "Stop tasks and forget them.",
        "start": "Start tasks, and wait until they are up.",
        "stop": "Stop tasks, and wait until nothing of them is left.",
        "restart": "Stop and start tasks, all at once or rolling.",
        "scale": "Change how many replicas tasks have.",
        "run": "Run tasks now, whatever their schedule says.",
        "enable": "Let tasks start by themselves again.",
        "disable": "Keep tasks from starting by themselves.",
        "signal": "Send a signal to the processes of tasks.",
        "send": "Write to the standard input of a task.",
        "attach": "Use the terminal of a task.",
        "exec": "Run a command as a task runs.",
    },
    "What happens": {
        "logs": "Show what tasks write.",
        "runs": "List the runs of a task.",
        "next": "Show when schedules fire next.",
        "events": "Show what happens, as it happens.",
        "top": "Watch the tasks on the whole screen.",
    },
    "Files": {
        "apply": "Make the tasks what a file says.",
        "up": "Serve and apply the file of this folder, with all output.",
        "config": "Show what a file means in the end, or its schema.",
    },
    "Service": {
        "serve": "Run the service in the foreground.",
        "reload": "Start a new manager and keeper under the running tasks.",
        "doctor": "Look for what is wrong around here.",
        "completion": "Print the completion script of a shell.",
    },
}


def _commands() -> dict[str, str]:
    return {name: text for section in SECTIONS.values() for name, text in section.items()}


class LazyGroup(click.Group):
    """Finds a command in the module of its name, so that only what is called is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _commands():
            return None
        command: click.Command = import_module(f"proctor.cli.{cmd_name}").command
        gc.freeze()  # Nothing of it is garbage: to look again and at the end takes 30 ms.
        gc.enable()  # See proctor.__main__.
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from .failure import leave_quietly

            leave_quietly()
        except OSError as error:
            from .failure import not_written

            not_written(error)
        return result

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _commands() and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], _commands(), n=1)
            hint = f" (did you mean `{close[0]}`?)" if close else " (see proctor --help)"
            ctx.fail(f"there is no command `{args[0]}`{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(proctor.__version__, prog_name="proctor")
def cli() -> None:
    """Proctor runs your processes: once, for ever, or on a schedule."""

"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

import proctor

COMMANDS = {
    "serve": "Run the service in the foreground.",
    "reload": "Start a new manager and keeper under the running tasks.",
}


class LazyGroup(click.Group):
    """Finds a command in the module of its name, so that only what is called is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"proctor.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(proctor.__version__, prog_name="proctor")
def cli() -> None:
    """Proctor runs your processes: once, for ever, or on a schedule."""

"""`proctor completion`: the script that teaches a shell our commands, options and tasks."""

from __future__ import annotations

import click

HINTS = {
    "bash": '# eval "$(proctor completion bash)" in ~/.bashrc',
    "zsh": '# eval "$(proctor completion zsh)" in ~/.zshrc',
    "fish": "# proctor completion fish > ~/.config/fish/completions/proctor.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(HINTS)))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: eval "$(proctor completion bash)"          in ~/.bashrc
    zsh:  eval "$(proctor completion zsh)"           in ~/.zshrc
    fish: proctor completion fish > ~/.config/fish/completions/proctor.fish
    """
    from click.shell_completion import get_completion_class

    from . import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(HINTS[shell])
    click.echo(found(cli, {}, "proctor", "_PROCTOR_COMPLETE").source())

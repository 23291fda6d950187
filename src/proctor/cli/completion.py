"""`proctor completion`: the script that teaches a shell our commands, options and tasks."""

from __future__ import annotations

import click

HINTS = {
    "bash": '# eval "$(proctor completion bash)" in ~/.bashrc',
    "zsh": '# eval "$(proctor completion zsh)" in ~/.zshrc',
    "fish": "# proctor completion fish > ~/.config/fish/completions/proctor.fish",
}

# Click's own knows nothing of readline's word breaks: a `:` or `=` makes three words of `web:0`, of
# which readline replaces the last one only.  So they are put together again, and what stands before
# the last break is taken off what comes.  Within quotes there are none.
BASH = r"""_proctor_completion() {
    local IFS=$'\n' rest=$COMP_LINE words=() head= i word before type value
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        before=${rest%%"$word"*}
        if [[ -n $word && -z $before && i -gt 0 ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"$before$word"}
    done
    word=${words[-1]}
    [[ $word == [\"\']* ]] || head=${word%"${word##*[:=]}"}
    while IFS=, read -r type value; do
        case $type in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            plain) COMPREPLY+=("${value#"$head"}") ;;
        esac
    done < <(COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        _PROCTOR_COMPLETE=bash_complete "$1")
}

complete -o nosort -F _proctor_completion proctor
"""


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(HINTS)))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: eval "$(proctor completion bash)"          in ~/.bashrc
    zsh:  eval "$(proctor completion zsh)"           in ~/.zshrc
    fish: proctor completion fish > ~/.config/fish/completions/proctor.fish
    """
    click.echo(HINTS[shell])
    if shell == "bash":
        click.echo(BASH, nl=False)
        return
    from click.shell_completion import get_completion_class

    from . import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "proctor", "_PROCTOR_COMPLETE").source())

from __future__ import annotations

import subprocess

from .support import PATIENCE, Cli


def test_reload_changes_the_manager_and_no_process(cli: Cli) -> None:
    cli("add", "web", "--", "sleep", "1000", ok=True)
    before = cli("ls", "--json").json[0]["pids"]

    reloaded = cli("reload", "--json", ok=True).json

    assert cli("ls", "--json", ok=True).json[0]["pids"] == before
    assert reloaded.keys() == {"pid", "keeper_pid", "version"}


def test_help_loads_no_command_and_names_all(cli: Cli) -> None:
    text = cli("--help", ok=True).out

    for name in ("ls", "up", "apply", "describe", "logs", "top", "doctor", "completion", "serve"):
        assert f"\n  {name} " in text


def test_every_command_says_how_it_is_used(cli: Cli) -> None:
    from proctor.cli import SECTIONS

    for section in SECTIONS.values():
        for name in section:
            said = cli(name, "--help", ok=True).out
            assert said.startswith(f"Usage: proctor {name}"), name


def test_listing_in_a_pipe_loads_nothing_that_it_does_not_need(cli: Cli) -> None:
    code = (
        "import sys; from proctor.cli import cli; cli(['ls'], standalone_mode=False);"
        "print([m for m in ('rich', 'asyncio', 'ssl', 'http.client', 'pathlib', 'textual',"
        " 'proctor.api', 'proctor.config', 'tomllib') if m in sys.modules], file=sys.stderr)"
    )
    process = cli.spawn_python(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=PATIENCE)

    assert err == "[]\n"

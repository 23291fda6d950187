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


def test_what_cannot_be_printed_is_said_in_one_line(cli: Cli) -> None:
    with open("/dev/full", "w") as full:
        process = cli.spawn("ls", "--json", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=PATIENCE)

    assert err == "proctor: [Errno 28] No space left on device\n"
    assert process.returncode == 1


def test_a_command_does_its_work_with_its_output_closed(cli: Cli) -> None:
    code = (
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'proctor',"
        " 'add', 'quiet', '--', 'sleep', '1000'])"
    )
    process = cli.spawn_python(code, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=PATIENCE)

    assert (err, process.returncode) == ("", 0)
    assert cli.states()["quiet"] == "running"

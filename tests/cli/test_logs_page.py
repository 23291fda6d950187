"""The examples of docs/logs.md, executed in their order."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service

from .support import Cli

TEXT = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command with what it prints."""
    found: list[tuple[str, str]] = []
    for line in "".join(BLOCKS).splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        else:
            command, printed = found.pop()
            found.append((command, printed + line))
    return found


def comparable(printed: str) -> str:
    """Leave out what is different every time."""
    return re.sub(r"(pid=|after )[0-9.]+", r"\1N", printed).strip()


def run(cli: Cli, command: str) -> str:
    program, *arguments = shlex.split(command)
    if program == "proctor":
        return cli(*arguments, ok=True).out
    place = ["--unix-socket", str(cli.state_dir / "proctor.sock")]
    return subprocess.run(
        [program, *place, *arguments], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cli]:
    """The command, for a service that has no tasks and no logs."""
    service = Service(tmp_path / "s").start()
    try:
        yield Cli(service.state_dir, tmp_path)
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


def test_the_page_says_what_is_so(own: Cli) -> None:
    commands = examples()
    assert len(commands) >= 12
    with_curl = shutil.which("curl") is not None
    for command, printed in commands:
        if command.startswith("curl") and not with_curl:
            continue
        said = run(own, command)
        if printed or command.startswith("proctor logs"):
            assert comparable(said) == comparable(printed), command

"""The command `proctor`, run as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from proctor.cli import cli

PATIENCE = 120.0


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """Runs commands that find their service by its state directory."""

    state_dir: Path
    folder: Path
    tag: str = ""

    def __call__(
        self, *arguments: str, ok: bool = False, env: dict[str, str] | None = None
    ) -> Result:
        """Run a command as in a pipe, in this process for speed; `ok`: it has to exit with 0."""
        runner = CliRunner(env={"PROCTOR_URL": None, **self.environment, **(env or {})})
        with chdir(self.folder):
            done = runner.invoke(cli, arguments, prog_name="proctor")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        result = Result(done.exit_code, done.stdout, done.stderr)
        assert not ok or result.status == 0, result
        return result

    def spawn(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command as a process of its own."""
        return self._spawn(["-m", "proctor", *arguments], options)

    def spawn_python(self, code: str, **options: Any) -> subprocess.Popen[str]:
        """Start a Python program."""
        return self._spawn(["-c", code], options)

    def _spawn(self, arguments: list[str], options: dict[str, Any]) -> subprocess.Popen[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("PROCTOR_")}
        options = {"stdin": subprocess.DEVNULL, "cwd": self.folder} | options
        env |= self.environment | options.pop("env", {})
        return subprocess.Popen([sys.executable, *arguments], env=env, text=True, **options)

    @property
    def environment(self) -> dict[str, str]:
        found = {"PROCTOR_STATE_DIR": str(self.state_dir)}
        return found | ({"PROCTOR_TEST_SERVICE": self.tag} if self.tag else {})

    def states(self) -> dict[str, str]:
        return {task["name"]: task["state"] for task in self("ls", "--json", ok=True).json}

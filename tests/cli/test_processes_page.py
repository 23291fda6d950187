"""The examples of docs/processes.md, executed in their order."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.system.service import Service, until

PAGE = (Path(__file__).parents[2] / "docs" / "processes.md").read_text()
SERVER = re.findall(r"^```python\n(# server.py.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def examples(ports: dict[str, str]) -> list[tuple[str, str]]:
    """Return each command with what it prints; `ports` are used for those of the page."""
    found: list[tuple[str, str]] = []
    for line in "".join(BLOCKS).splitlines(keepends=True):
        if line.startswith("$ "):
            command = line[2:].strip()
            for port, ours in ports.items():
                command = command.replace(port, ours)
            found.append((command, ""))
        else:
            command, printed = found.pop()
            found.append((command, printed + line))
    return found


def comparable(printed: str) -> str:
    """Leave out the pids."""
    return re.sub(r"^[0-9]{3,}$", "PID", printed, flags=re.MULTILINE).strip()


def surroundings(folder: Path, service: Service) -> dict[str, str]:
    """Return the environment in which `proctor` and `python3` are ours."""
    for name, words in (("proctor", f"{sys.executable} -m proctor"), ("python3", sys.executable)):
        (folder / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (folder / name).chmod(0o755)
    own = {k: v for k, v in os.environ.items() if not k.startswith("PROCTOR_")}
    path = f"{folder}:{os.environ['PATH']}"
    return own | {"PATH": path, "PROCTOR_STATE_DIR": str(service.state_dir)}


def test_the_page_says_what_is_so(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER[0])
    service = Service(tmp_path / "s")
    env = surroundings(tmp_path, service)
    service.env = {"PATH": env["PATH"]}
    service.start()
    try:
        for command, printed in examples({"18080": free_port(), "18081": free_port()}):
            # What was sent is on its way to the log when the next command is typed.
            until(lambda c=command, p=printed: says(c, env, tmp_path, p))  # type: ignore[misc]
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


def says(command: str, env: dict[str, str], folder: Path, printed: str) -> bool:
    """Run it; what shows logs may have to be asked again, anything else has to be right."""
    done = subprocess.run(
        ["sh", "-c", command], env=env, cwd=folder, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0 or "logs" in command, (command, done)
    right = not printed or comparable(done.stdout) == comparable(printed)
    assert right or "logs" in command, (command, done, printed)
    return right

"""The Dockerfile: what of it can be seen without building an image."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service, nobody_at_the_default_port

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", "")


def words(instruction: str) -> list[str]:
    """Return the JSON form of the last CMD of an instruction."""
    found: list[str] = json.loads(re.findall(rf"^{instruction}.*?(\[.*\])$", TEXT, re.M)[-1])
    return found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    nobody_at_the_default_port()
    it = Service(tmp_path / "s")
    yield it
    assert not it.kill_survivors()


def healthy(service: Service) -> subprocess.CompletedProcess[str]:
    python, *rest = words("HEALTHCHECK")
    assert python == "python"
    env = {"PATH": os.environ["PATH"], "PROCTOR_STATE_DIR": str(service.state_dir)}
    env |= {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run([sys.executable, *rest], env=env, capture_output=True, text=True)


def test_what_it_copies_is_there_and_not_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.M)
    sources = [name for line in copied for name in line.split()]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    assert {"src", "requirements.lock"} <= set(sources)
    assert all((ROOT / name).exists() for name in sources)
    assert sorted(sources) == sorted(kept)


def test_the_command_is_the_service_and_the_check_asks_it(service: Service) -> None:
    assert words("CMD") == ["proctor", "serve"]
    assert healthy(service).returncode != 0

    service.start()
    done = healthy(service)

    assert done.returncode == 0, done
    assert service.stop() == 0
    assert healthy(service).returncode != 0

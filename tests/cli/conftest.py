from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service, nobody_at_the_default_port

from .support import Cli


@pytest.fixture(scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("cli") / "s").start()
    try:
        yield service
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


@pytest.fixture
def cli(_service: Service, tmp_path: Path) -> Iterator[Cli]:
    """The command, for a service that runs; what a test leaves of tasks is removed."""
    cli = Cli(_service.state_dir, tmp_path)
    yield cli
    cli("rm", "--all")
    text = "\n".join(_service.text)
    assert "Traceback" not in text, text[text.index("Traceback") :][:4000]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cli]:
    """The command, for a state directory in which no service runs yet."""
    nobody_at_the_default_port()
    service = Service(tmp_path / "own")
    cli = Cli(tmp_path / "own", tmp_path, service.environment()["PROCTOR_TEST_SERVICE"])
    yield cli
    left = service.kill_survivors()
    assert not left, left

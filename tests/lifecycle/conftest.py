from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service

from .tasks import Tasks

CONFIG = """
[pools]
press = 1
"""


@pytest.fixture(scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("lifecycle")
    (folder / "proctor.toml").write_text(CONFIG)
    service = Service(folder / "s", "--config", str(folder / "proctor.toml")).start()
    try:
        yield service
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left
    assert not [text for text in service.text if "Traceback" in text]


@pytest.fixture
def tasks(_service: Service, tmp_path: Path) -> Iterator[Tasks]:
    """Tasks of a service that all tests of these files share; a test's own are gone at its end."""
    tasks = Tasks(_service)
    yield tasks
    tasks.remove_all()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own, which it starts itself."""
    service = Service(tmp_path / "s")
    try:
        yield service
        if not service.stopped:
            service.stop()
    finally:
        left = service.kill_survivors()
    assert not left, left
    assert not [text for text in service.text if "Traceback" in text]

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that runs; at the end it has to exit 0 and leave nothing alive."""
    running = Service(tmp_path / "s").start()
    try:
        yield running
        assert running.stop() == 0
    finally:
        left = running.kill_survivors()
    assert not left, left

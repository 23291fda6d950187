from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import Running, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as running_server:
        yield running_server

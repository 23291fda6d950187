from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import KeeperProcess, Talk, running


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[KeeperProcess]:
    with running(tmp_path) as it:
        yield it


@pytest.fixture
def talk(keeper: KeeperProcess) -> Talk:
    it = keeper.manager()
    it.hello()
    return it

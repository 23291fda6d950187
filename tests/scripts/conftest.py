from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..system.conftest import instance, service

__all__ = ["instance", "script", "service"]

Script = Callable[[str, str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Write a script, and return its path."""

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write

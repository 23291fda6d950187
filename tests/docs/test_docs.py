"""The pages of docs/ whose examples are executed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.system.service import Service

from .transcript import SRC, Page, environment, fits, normal, substitutes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["cli.md", "api.md", "client.md"])
def test_what_a_page_shows_is_what_happens(tmp_path: Path, name: str) -> None:
    if name == "api.md" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("there is no curl or no jq here")
    folder = tmp_path / "shop"
    folder.mkdir()
    service = Service(tmp_path / "state").start()
    try:
        page = Page(SRC / "docs" / name, folder, substitutes(service, folder))
        steps = 0
        for step, printed in page.steps(environment(service)):
            steps += 1
            assert fits(step.expected, printed), f"{step.command}\n{printed}"
        assert steps >= 5
        assert service.stop() == 0
    finally:
        service.kill_survivors()
        if not service.stopped:
            service.wait()


def test_what_differs_from_run_to_run_is_passed_over() -> None:
    assert fits("web  up  pid 12, for 3.1s\n", "web up pid 4711, for 2h5m\n")
    assert fits("a\n...\nd\n", "a\nb\nc\nd\n")
    assert fits("", "")
    assert not fits("a\n", "")
    assert not fits("web up\n", "web down\n")
    assert normal("2026-11-24 20:42:34.286 serving") == ["T serving"]

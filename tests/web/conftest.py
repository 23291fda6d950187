"""One browser for all, one service a module, a page of its own a test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.system.service import Service

from .browsing import Watch, path_of_chromium

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A loaded machine may take its time; who is right does not wait for it.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if os.environ.get("PROCTOR_NO_BROWSER"):
        pytest.skip("PROCTOR_NO_BROWSER is set")
    path = path_of_chromium(shutil.which)
    if path is None:
        pytest.fail("chromium is not installed: make browser (or PROCTOR_NO_BROWSER=1 to skip)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that runs, on a state directory of its own."""
    yield from _serving(tmp_path_factory.mktemp("web") / "s")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for the token `secret-token`."""
    env = {"PROCTOR_TOKEN": "secret-token"}
    yield from _serving(tmp_path_factory.mktemp("web") / "g", env)


def _serving(folder: Path, env: dict[str, str] | None = None) -> Iterator[Service]:
    service = Service(folder, env=env)
    service.token = (env or {}).get("PROCTOR_TOKEN")
    try:
        yield service.start()
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left
    assert not [text for text in service.text if "Traceback" in text], "\n".join(service.text)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1440 x 900, which finds fault with anything that goes wrong in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    watch = Watch(page)
    yield page
    context.close()
    assert not watch.faults, watch.faults

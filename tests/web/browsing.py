"""What tests of pages need: an eye on what goes wrong, the way to a page, axe."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

from tests.system.service import Service

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
# The headless shell first: it starts in half the time, and takes half of the CPU.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def path_of_chromium(which: Callable[[str], str | None]) -> str | None:
    """Return the browser's path: PROCTOR_CHROMIUM, or the first that is installed."""
    named = os.environ.get("PROCTOR_CHROMIUM")
    return named or next((path for name in NAMES if (path := which(name))), None)


class Watch:
    """Collects what a page may not do: errors, and requests to another host.

    `allow(text)`: console errors with that text are meant, as the browser's own about a 401.
    """

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        self._allowed: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._on_request)
        page.watch = self  # type: ignore[attr-defined]

    def allow(self, text: str) -> None:
        self._allowed.append(text)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            text = f"{message.text} ({message.location.get('url', '')})"
            if not any(allowed in text for allowed in self._allowed):
                self.faults.append(f"console: {text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.faults.append(f"foreign request: {request.url}")


def allow(page: Page, text: str) -> None:
    page.watch.allow(text)  # type: ignore[attr-defined]


def open_page(page: Page, service: Service, hash: str = "#/") -> None:
    """Go to a page of the UI; the live connection is up when this returns, if no log-in is due."""
    page.goto(f"http://127.0.0.1:{service.port}/{hash}")
    page.wait_for_selector(".connection[data-state=live], .login")


def serious(page: Page) -> list[str]:
    """Return what axe finds of serious or critical problems on the page as it is."""
    # Evaluated by the debugger, so that the page's policy need not allow it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]

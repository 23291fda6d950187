"""The frame around the pages, while the service is away."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.system.service import Service

from .browsing import allow, open_page


def test_a_page_that_could_not_be_fetched_comes_when_the_service_does(
    page: Page, tmp_path: Path
) -> None:
    allow(page, "ERR_")  # The browser's own words about the lost connection.
    service = Service(tmp_path / "s").start()
    try:
        open_page(page, service)
        assert service.stop() == 0
        expect(page.locator(".connection")).to_have_text("reconnecting")
        page.get_by_role("link", name="Schedule").click()
        expect(page.get_by_role("alert")).to_contain_text("Proctor cannot be reached")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_contain_text("Proctor cannot be reached")

        service.start("--port", str(service.port))

        expect(page.get_by_role("heading", level=1)).to_have_text("Schedule")
        assert service.stop() == 0
    finally:
        assert not service.kill_survivors()

"""The frame around the pages, while the service is away."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.system.service import Service

from .browsing import allow, open_page


def test_a_lost_service_is_told_and_a_page_that_was_not_fetched_comes_with_it(
    page: Page, tmp_path: Path
) -> None:
    allow(page, "ERR_")  # The browser's own words about the lost connection.
    service = Service(tmp_path / "s").start()
    try:
        open_page(page, service)
        assert service.stop() == 0
        expect(page.locator(".connection")).to_have_text("reconnecting")
        expect(page.locator(".lost")).to_contain_text("this is how it was at")
        page.get_by_role("link", name="Schedule").click()
        expect(page.get_by_role("alert")).to_contain_text("Proctor cannot be reached")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_contain_text("Proctor cannot be reached")

        service.start("--port", str(service.port))

        expect(page.get_by_role("heading", level=1)).to_have_text("Schedule")
        expect(page.locator(".lost")).to_have_count(0)
        assert service.stop() == 0
    finally:
        assert not service.kill_survivors()

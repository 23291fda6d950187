from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.system.service import Service

from .browsing import open_page


def test_a_task_started_by_the_api_appears_live_and_its_end_is_seen(
    page: Page, service: Service
) -> None:
    open_page(page, service)

    service.must_post("seen-live", "exec sleep 1000", "daemon", replica=2)

    row = page.locator("[data-task=seen-live]")
    expect(row.locator(".state")).to_have_text("running")
    expect(row.locator(".c-replicas")).to_have_text("2/2")
    service.delete("seen-live")
    expect(row).to_have_count(0)

"""Every page, in both themes and on a phone: accessible, and nothing wider than the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.system.service import Service

from .browsing import open_page, serious

LONG = "a-name-of-sixty-three-letters-that-has-to-fit-on-a-phone-as-well"[:63]

PAGES = {
    "overview": ("#/?by=namespace", "[data-task=web] .c-memory .figure"),
    "task": ("#/task/web", ".chart canvas"),
    "long": (f"#/task/{LONG}", ".replica-name"),
    "schedule": ("#/schedule", "[data-schedule=nightly] .s-fires"),
    "graph": ("#/graph?task=waits", ".graph-about .graph-met"),
    "events": ("#/events", ".event"),
    "new": ("#/new?type=cron", "details[open] .edit-grid"),
    "edit": ("#/edit/web", "details[open] .edit-row"),
}
"""The hash of each page, and what is there once it is complete."""


@pytest.fixture(scope="module")
def filled(service: Service) -> Service:
    service.must_post("db", "exec sleep 1000", "daemon", namespace="shop")
    service.must_post(
        "web",
        "echo started; exec sleep 1000",
        "daemon",
        replica=2,
        namespace="shop",
        labels={"tier": "front"},
        env={"PORT": "1", "TOKEN": "x"},
        deps=["db"],
        readiness={"exec": "true", "period": 1},
    )
    service.must_post("fails", "echo no; exit 3")
    service.must_post(LONG, ": " + "x" * 3000)
    service.must_post("nightly", "true", "cron", cron="0 4 * * *")
    service.must_post("waits", "true", deps=[{"task": "fails", "until": "completed_ok"}])
    return service


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_both_themes_and_no_wider_than_a_phone(
    page: Page, filled: Service, name: str
) -> None:
    hash, complete = PAGES[name]
    page.emulate_media(color_scheme="light")
    open_page(page, filled, hash)
    expect(page.locator(complete).first).to_be_visible()

    assert serious(page) == []
    light = _background(page)

    page.emulate_media(color_scheme="dark")
    assert _background(page) != light
    assert serious(page) == []

    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.locator(complete).first.wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []


def _background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_what_lies_over_a_page_is_accessible_too(page: Page, filled: Service) -> None:
    open_page(page, filled, "#/")
    page.get_by_label("Select fails").check()
    page.get_by_role("region", name="Selected tasks").get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_contain_text("Stopping fails")
    assert serious(page) == []
    open_page(page, filled, "#/task/web")
    page.get_by_role("button", name="Scale").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    assert serious(page) == []


def test_the_theme_that_was_chosen_is_kept(page: Page, filled: Service) -> None:
    page.emulate_media(color_scheme="light")
    open_page(page, filled)

    page.keyboard.press("t")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("t")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.system.service import Service

from .browsing import allow, open_page


def test_a_wrong_token_is_told_and_the_right_one_lets_in(page: Page, guarded: Service) -> None:
    allow(page, "401")
    guarded.must_post("inside", "exec sleep 1000", "daemon")
    open_page(page, guarded, "#/task/inside")
    token = page.get_by_label("Token")
    expect(token).to_be_focused()

    token.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The token is not the right one.")
    token.fill("secret-token")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("inside")
    expect(page.locator(".connection")).to_have_text("live")
    page.reload()
    expect(page.locator("h1")).to_have_text("inside")
    assert page.evaluate("Object.values(localStorage).join()").find("secret-token") < 0
    assert page.context.cookies() == []


def test_who_logs_out_sees_nothing_any_more(page: Page, guarded: Service) -> None:
    allow(page, "401")
    open_page(page, guarded)
    page.get_by_label("Token").fill("secret-token")
    page.keyboard.press("Enter")
    expect(page.locator(".connection")).to_have_text("live")

    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_label("Token")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Token")).to_be_visible()
    expect(page.locator("[data-task]")).to_have_count(0)

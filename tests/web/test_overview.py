from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.system.service import Service, until

from .browsing import allow, open_page


def row(page: Page, name: str) -> Locator:
    return page.locator(f"[data-task={name}]")


@pytest.fixture(autouse=True)
def nothing_left(service: Service) -> Iterator[None]:
    yield
    if service.tasks():
        service.request("POST", "/v1/delete?wait=30", {"tasks": ["*"]})


def test_a_task_started_by_the_api_appears_live_and_its_end_is_seen(
    page: Page, service: Service
) -> None:
    open_page(page, service)

    service.must_post("seen-live", "exec sleep 1000", "daemon", replica=2)

    expect(row(page, "seen-live").locator(".state")).to_have_text("running")
    expect(row(page, "seen-live").locator(".c-replicas")).to_have_text("2/2")
    expect(row(page, "seen-live").locator(".c-memory .figure")).to_have_text(re.compile("MiB"))
    service.delete("seen-live")
    expect(row(page, "seen-live")).to_have_count(0)


def test_what_waits_for_a_task_changes_its_reason_with_it(page: Page, service: Service) -> None:
    service.must_post("base", "exec sleep 1000", "daemon", enabled=False)
    service.must_post("above", "exec sleep 1000", "daemon", deps=[{"task": "base"}])
    open_page(page, service)
    expect(row(page, "above").locator(".state")).to_have_text(re.compile("waiting|blocked"))

    service.request("POST", "/v1/tasks/base/start")

    expect(row(page, "above").locator(".state")).to_have_text("running")


def test_filter_and_groups_are_in_the_address(page: Page, service: Service) -> None:
    for name, space, tier in (("a1", "shop", "front"), ("a2", "shop", "back"), ("b1", "ops", "")):
        labels = {"tier": tier} if tier else {}
        service.must_post(name, "true", "cron", cron="0 4 * * *", namespace=space, labels=labels)
    open_page(page, service)
    expect(page.locator("[data-task]")).to_have_count(3)

    page.keyboard.press("/")
    page.keyboard.type("ns:shop tier=b")
    expect(page.locator("[data-task]")).to_have_count(1)
    page.reload()
    expect(row(page, "a2")).to_be_visible()
    expect(page.locator("[data-task]")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("[data-task]")).to_have_count(3)
    page.get_by_label("Group by").select_option("namespace")
    expect(page.locator(".group-head h2")).to_have_text(["ops1", "shop2"])
    page.get_by_label("Group by").select_option("label:tier")
    expect(page.locator(".group-head h2")).to_have_text(["back1", "front1", "without tier1"])


def test_the_keyboard_is_enough(page: Page, service: Service) -> None:
    for name in ("k1", "k2", "k3"):
        service.must_post(name, "true", "cron", cron="0 4 * * *")
    open_page(page, service)
    expect(page.locator("[data-task]")).to_have_count(3)

    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(row(page, "k2")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(".bulk strong")).to_have_text("1 selected")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("k2")
    page.keyboard.press("u")
    expect(page.locator("h1")).to_have_text("Tasks")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next task")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_several_are_stopped_at_once_and_what_came_of_it_is_said(
    page: Page, service: Service
) -> None:
    for name in ("m1", "m2", "m3"):
        service.must_post(name, "exec sleep 1000", "daemon")
    open_page(page, service)
    for name in ("m1", "m2"):
        page.get_by_label(f"Select {name}").check()

    page.get_by_role("region", name="Selected tasks").get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()

    expect(page.locator(".toast")).to_contain_text("Stopping 2 tasks: done")
    expect(row(page, "m1").locator(".state")).to_have_text("stopped")
    expect(row(page, "m2").locator(".state")).to_have_text("stopped")
    expect(row(page, "m3").locator(".state")).to_have_text("running")


def test_a_manager_that_dies_is_missed_and_what_happened_meanwhile_is_caught_up(
    page: Page, service: Service
) -> None:
    allow(page, "ERR_")  # The browser's own words about the lost connection.
    service.must_post("stays", "exec sleep 1000", "daemon")
    open_page(page, service)
    expect(row(page, "stays").locator(".state")).to_have_text("running")

    old = service.kill_manager()
    until(lambda: service.living_manager() not in (0, old))
    service.must_post("later", "exec sleep 1000", "daemon")

    expect(row(page, "later").locator(".state")).to_have_text("running")
    expect(page.locator(".connection")).to_have_text("live")


def test_a_heading_sorts(page: Page, service: Service) -> None:
    service.must_post("a", "true", "cron", cron="0 4 * * *")
    service.must_post("b", "exec sleep 1000", "daemon")
    service.must_post("c", "exit 3")
    open_page(page, service)
    names = page.locator("[data-task] .c-name a")
    expect(names).to_have_text(["a", "b", "c"])

    page.get_by_role("button", name="State", exact=True).click()
    expect(names).to_have_text(["c", "b", "a"])
    page.get_by_role("button", name="State", exact=True).click()
    expect(names).to_have_text(["a", "b", "c"])
    page.get_by_role("button", name="Task", exact=True).click()
    page.get_by_role("button", name="Task", exact=True).click()
    expect(names).to_have_text(["c", "b", "a"])
    page.reload()
    expect(names).to_have_text(["c", "b", "a"])


def post_disabled(service: Service, names: list[str]) -> None:
    """Make tasks that do not run, over one connection."""
    with closing(HTTPConnection("127.0.0.1", service.port)) as connection:
        for name in names:
            body = {"name": name, "type": "daemon", "cmd": "exec sleep 1000", "replica": 1}
            connection.request("POST", "/proc", json.dumps(body | {"enabled": False}))
            response = connection.getresponse()
            assert response.status == 200, response.read()
            response.read()


COUNT_CHANGED_ROWS = """() => {
  window.changed = new Set();
  new MutationObserver((records) => {
    for (const record of records) {
      const at = record.target.nodeType === 1 ? record.target : record.target.parentElement;
      const row = at.closest(".c-state")?.closest("[data-task]");
      if (row) window.changed.add(row.dataset.task);
    }
  }).observe(document.querySelector(".tasks"), {subtree: true, childList: true,
      characterData: true, attributes: true});
}"""


def test_of_500_tasks_only_the_rows_that_change_are_touched(page: Page, service: Service) -> None:
    post_disabled(service, [f"t{n:03}" for n in range(500)])
    open_page(page, service)
    expect(page.locator("[data-task]")).to_have_count(500)

    page.evaluate(COUNT_CHANGED_ROWS)
    body = {"tasks": [f"t{n:03}" for n in range(0, 500, 50)]}
    service.request("POST", "/v1/start", body)

    expect(page.locator(".state[data-state=running]")).to_have_count(10)
    assert page.evaluate("[...window.changed].sort()") == body["tasks"]

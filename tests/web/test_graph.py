"""The dependency graph: live, in words, by keyboard, with hundreds of tasks."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.system.service import Service

from .browsing import open_page


def node(page: Page, name: str) -> Locator:
    return page.locator(f"[data-node={name}]")


def edge(page: Page, needs: str, task: str) -> Locator:
    return page.locator(f"[data-edge='{needs} {task}']")


def shop(service: Service, flag: Path) -> None:
    """Three tasks in a row, the first ready once the flag is there, and one that stands alone."""
    check = {"file": str(flag), "period": 0.1}
    service.must_post("db", "exec sleep 1000", "daemon", readiness=check)
    for name, needs in (("api", "db"), ("front", "api")):
        deps = [{"task": needs, "until": "ready"}]
        service.must_post(name, "exec sleep 1000", "daemon", deps=deps)
    service.must_post("alone", "exec sleep 1000", "daemon")


def test_what_blocks_what_is_shown_live_and_then_the_critical_chain(
    page: Page, service: Service, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    shop(service, flag)
    open_page(page, service, "#/graph")
    expect(node(page, "api")).to_have_attribute("data-state", "waiting")
    expect(edge(page, "db", "api")).to_have_attribute("data-kind", "waits")
    expect(page.locator(".graph-side")).to_contain_text("api db is not ready")
    expect(page.locator(".graph-loose")).to_contain_text("alone")

    node(page, "api").click()
    about = page.locator(".graph-about")
    expect(about).to_contain_text("db is not ready")
    expect(about.locator("li", has_text="front")).to_contain_text("held up")
    flag.touch()

    expect(node(page, "front")).to_have_attribute("data-state", "running")
    expect(edge(page, "db", "api")).to_have_attribute("data-kind", "critical")
    expect(about.locator("li", has_text="front")).to_contain_text("free")
    expect(about).to_contain_text("On the critical chain: waited")
    expect(page.locator(".graph-chain li .graph-pick")).to_have_text(["db", "api", "front"])
    page.get_by_role("link", name="Open the task").click()
    expect(page.locator("h1")).to_have_text("api")


def test_nodes_are_gone_through_by_keyboard_and_opened(page: Page, service: Service) -> None:
    open_page(page, service, "#/graph?task=db")
    node(page, "db").focus()

    page.keyboard.press("ArrowRight")
    expect(node(page, "api")).to_be_focused()
    expect(page.locator(".graph-about h2")).to_have_text("api")
    page.keyboard.press("ArrowRight")
    expect(node(page, "front")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(node(page, "api")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("api")


def test_all_of_it_is_there_as_text(page: Page, service: Service) -> None:
    open_page(page, service, "#/graph")

    page.locator(".graph-text summary").click()

    text = page.locator(".graph-text > ul > li", has_text="front").last
    expect(text).to_contain_text("front (running) waits for api, until it is ready: yes")


def test_a_dependency_that_is_not_there_is_drawn_as_such(page: Page, service: Service) -> None:
    deps = [{"task": "nowhere", "until": "started"}]
    service.must_post("lost", "exec sleep 1000", "daemon", deps=deps)
    open_page(page, service, "#/graph")

    expect(node(page, "nowhere")).to_contain_text("does not exist")
    expect(edge(page, "nowhere", "lost")).to_have_attribute("data-kind", "waits")
    service.delete("lost")
    expect(node(page, "lost")).to_have_count(0)


def scale(page: Page) -> float:
    return float(
        page.locator(".graph-view svg > g").evaluate("g => g.transform.baseVal.getItem(1).matrix.a")
    )


def test_it_is_zoomed_and_moved(page: Page, service: Service) -> None:
    open_page(page, service, "#/graph")
    expect(node(page, "db")).to_be_visible()
    begin, at = scale(page), node(page, "db").bounding_box()
    assert at is not None

    page.get_by_role("button", name="Closer").click()
    assert scale(page) > begin
    page.keyboard.press("0")
    assert scale(page) == begin
    box = page.locator(".graph-view").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 110, box["y"] + 60, steps=4)
    page.mouse.up()

    moved = node(page, "db").bounding_box()
    assert moved is not None
    assert (round(moved["x"] - at["x"]), round(moved["y"] - at["y"])) == (100, 50)


def test_200_tasks_are_drawn_and_one_that_changes_leaves_the_others_alone(
    page: Page, service: Service
) -> None:
    for n in range(200):
        deps = [f"t{n - k:03}" for k in (7, 8) if n >= k]
        service.must_post(f"t{n:03}", "exec sleep 1000", "daemon", deps=deps, enabled=False)
    open_page(page, service, "#/graph")
    expect(page.locator("[data-node^=t]")).to_have_count(200)
    page.evaluate("document.querySelector('[data-node=t150]').seen = true")

    service.request("POST", "/v1/tasks/t000/start?wait=30")

    expect(node(page, "t000")).to_have_attribute("data-state", "running")
    assert page.evaluate("document.querySelector('[data-node=t150]').seen") is True
    service.request("POST", "/v1/delete?wait=60", {"tasks": ["t*"]})

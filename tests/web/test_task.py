from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.system.service import Service, counter

from .browsing import allow, open_page, serious


def press(page: Page, name: str) -> None:
    page.get_by_role("group", name="Actions").get_by_role("button", name=name).click()


def test_a_task_is_stopped_and_started_from_its_page(page: Page, service: Service) -> None:
    service.must_post("one", "exec sleep 1000", "daemon")
    open_page(page, service, "#/task/one")
    state = page.locator(".task-title .state")
    expect(state).to_have_text("running")

    press(page, "Stop")
    expect(state).to_have_text("stopped")
    expect(page.locator(".toast")).to_contain_text("Stopping one")
    assert service.running("one") == []
    press(page, "Start")
    expect(state).to_have_text("running")
    service.wait_running("one")


def test_a_task_that_breaks_says_why(page: Page, service: Service, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    cmd = f"while test -e {flag}; do sleep 0.05; done; echo it is broken; exit 3"
    service.must_post("breaks", cmd, "daemon", interval=600)
    open_page(page, service, "#/task/breaks")
    expect(page.locator(".task-title .state")).to_have_text("running")

    flag.unlink()

    expect(page.locator(".task-title .state")).to_have_text("backoff")
    expect(page.locator(".why")).to_have_text("exited 3")
    expect(page.locator(".last-lines")).to_contain_text("it is broken")
    expect(page.locator(".task-runs tbody .exit")).to_have_text("exited 3")
    expect(page.locator(".run-bar[data-state=bad]")).to_have_count(1)
    expect(page.locator(".happenings")).to_contain_text("will be started again: exited 3")


def test_scale_asks_how_many(page: Page, service: Service) -> None:
    service.must_post("wide", "exec sleep 1000", "daemon")
    open_page(page, service, "#/task/wide")

    press(page, "Scale")
    page.get_by_role("dialog").get_by_label("Replicas").fill("3")
    page.keyboard.press("Enter")

    expect(page.locator(".task-replicas tbody tr")).to_have_count(3)
    expect(page.locator(".task-replicas .state[data-state=up]")).to_have_count(3)
    expect(page.locator(".task-replicas")).to_contain_text("3 of 3 ready")


def test_what_is_refused_is_told(page: Page, service: Service) -> None:
    allow(page, "400")
    service.must_post("narrow", "exec sleep 1000", "daemon")
    open_page(page, service, "#/task/narrow")

    press(page, "Scale")
    page.get_by_role("dialog").get_by_label("Replicas").fill("999999")
    page.keyboard.press("Enter")

    expect(page.locator(".toast-bad")).to_contain_text("replica")


def test_nothing_is_deleted_before_the_question_is_answered(page: Page, service: Service) -> None:
    service.must_post("gone", "exec sleep 1000", "daemon")
    open_page(page, service, "#/task/gone")

    press(page, "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert "gone" in service.tasks()
    press(page, "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator("h1")).to_have_text("Tasks")
    assert "gone" not in service.tasks()


def test_a_task_that_is_not_there_is_said_to_be_missing(page: Page, service: Service) -> None:
    allow(page, "404")

    open_page(page, service, "#/task/no%20such")

    expect(page.locator(".empty")).to_contain_text("There is no such task")


def test_secrets_are_not_in_the_page(page: Page, service: Service) -> None:
    env = {"PLAIN": "seen-value", "DB_PASSWORD": "very-secret"}
    service.must_post("secret", "exec sleep 1000", "daemon", env=env)
    open_page(page, service, "#/task/secret")

    page.get_by_role("button", name="Show").click()

    expect(page.locator(".spec")).to_contain_text("seen-value")
    expect(page.locator(".env")).to_contain_text("hidden")
    assert "very-secret" not in page.content()


def test_dependencies_are_shown_both_ways_and_checks_with_their_answer(
    page: Page, service: Service, tmp_path: Path
) -> None:
    flag = tmp_path / "ready"
    check = {"file": str(flag), "period": 0.1}
    service.must_post("below", "exec sleep 1000", "daemon", readiness=check)
    deps = [{"task": "below", "until": "ready"}]
    service.must_post("middle", "exec sleep 1000", "daemon", deps=deps)
    service.must_post("top", "exec sleep 1000", "daemon", deps=["middle"])
    open_page(page, service, "#/task/middle")
    dependencies = page.locator(".section", has_text="Dependencies")
    expect(page.locator(".why")).to_contain_text("below")
    expect(dependencies.locator("li")).to_have_text(
        [re.compile("below is ready.*starting", re.S), re.compile("top.*waiting", re.S)]
    )

    flag.touch()

    expect(page.locator(".task-title .state")).to_have_text("running")
    dependencies.get_by_role("link", name="below").click()
    checks = page.locator(".section", has=page.locator("h2", has_text="Checks"))
    expect(checks).to_contain_text(f"{flag} exists")


def test_figures_and_lines_come_by_themselves(page: Page, service: Service) -> None:
    service.must_post("busy", counter(0.02), "daemon")
    open_page(page, service, "#/task/busy")

    expect(page.locator(".chart canvas")).to_have_count(2)
    first = page.locator(".last-lines div").last.inner_text()
    expect(page.locator(".last-lines div").last).not_to_have_text(first)


def test_a_task_of_a_file_shows_it_and_what_was_changed_since(page: Page, service: Service) -> None:
    fields = {"type": "daemon", "cmd": "exec sleep 1000", "env": {"API_TOKEN": "very-secret"}}
    body = {"name": "applied", **fields}
    service.request("PUT", "/v1/tasks/applied?source=/srv/shop/proctor.toml", body)
    open_page(page, service, "#/task/applied")
    origin = page.locator(".origin")
    expect(origin).to_contain_text("/srv/shop/proctor.toml")
    expect(origin).to_contain_text("Nothing was changed since")

    patch = {"replica": 2, "env": {"API_TOKEN": "other-secret", "PORT": "80"}}
    service.request("PATCH", "/v1/tasks/applied", patch)

    expect(origin.locator("tbody tr")).to_have_text(
        [
            re.compile(r"replica\s*1\s*2"),
            re.compile(r"env\.API_TOKEN\s*\*\*\*\s*\*\*\* \(changed\)"),
            re.compile(r"env\.PORT\s*nothing\s*80"),
        ]
    )
    assert serious(page) == []
    assert "-secret" not in page.content()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

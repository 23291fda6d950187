"""Events: live and back in time, in words, by task, kind and actor."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.system.service import Service

from .browsing import open_page


def event(page: Page, text: str) -> Locator:
    return page.locator(".event", has_text=text)


def test_it_is_said_why_something_restarted_and_who_did_what(
    page: Page, service: Service, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    open_page(page, service, "#/events?task=shaky")
    expect(page.locator(".empty")).to_have_text("Nothing that fits has happened.")

    cmd = f"while test -e {flag}; do sleep 0.05; done; touch {flag}; exit 3"
    service.must_post("shaky", cmd, "daemon", interval=0.1)
    expect(event(page, "shaky was created")).to_contain_text("127.0.0.1")
    expect(event(page, "shaky:0 has started")).to_have_count(1)
    flag.unlink()

    expect(event(page, "will be started again")).to_contain_text(
        "shaky:0 ended, and will be started again: exited 3"
    )
    expect(event(page, "will be started again")).to_contain_text("Proctor")
    expect(event(page, "shaky:0 has started")).to_have_count(2)
    service.request("PATCH", "/v1/tasks/shaky", {"interval": 0})
    flag.unlink()
    expect(event(page, "is started again at once")).to_contain_text("exited 3")
    service.request("POST", "/v1/tasks/shaky/restart?wait=30")
    expect(event(page, "to be started anew")).to_contain_text("127.0.0.1")


def test_events_are_filtered_by_kind_and_by_who(page: Page, service: Service) -> None:
    service.must_post("kinds", "exec sleep 1000", "daemon")
    service.wait_running("kinds")
    open_page(page, service, "#/events?task=kinds")
    expect(event(page, "has started")).to_be_visible()

    page.get_by_label("Kind").select_option("tasks")
    expect(event(page, "has started")).to_have_count(0)
    service.request("PATCH", "/v1/tasks/kinds", {"description": "other"})
    expect(event(page, "was changed: description")).to_be_visible()
    page.get_by_label("Kind").select_option("all")
    expect(event(page, "kinds:0 starts")).to_be_visible()
    page.get_by_label("Who").select_option("own")
    expect(event(page, "was created")).to_have_count(0)
    expect(event(page, "has started")).to_be_visible()
    page.get_by_label("Who").select_option("people")
    expect(event(page, "has started")).to_have_count(0)
    page.reload()
    expect(event(page, "was created")).to_be_visible()
    event(page, "was created").locator(".event-actor").click()
    expect(page.get_by_label("Who")).to_have_value("127.0.0.1")


def test_the_past_comes_by_pages(page: Page, service: Service) -> None:
    for n in range(60):
        service.must_post(f"p{n:02}", "true", "cron", cron="0 0 1 1 *", enabled=False)
    service.request("POST", "/v1/delete?wait=30", {"tasks": ["p*"]})
    open_page(page, service, "#/events?task=p*&kind=tasks")
    expect(page.locator(".event")).to_have_count(100)
    expect(event(page, "p00 was created")).to_have_count(0)

    page.get_by_role("button", name="Older events").click()

    expect(page.locator(".event")).to_have_count(120)
    expect(page.locator(".event").last).to_contain_text("p00 was created")
    expect(page.get_by_role("button", name="Older events")).to_have_count(0)


WORDS = [
    ({"kind": "schedule.skipped", "reason": "x:0 still runs"}, "skipped a run: x:0 still runs"),
    ({"kind": "schedule.fired", "actor": "schedule"}, "runs by its schedule"),
    ({"kind": "schedule.fired", "actor": "1.2.3.4"}, "was asked to run now"),
    ({"kind": "replica.down", "reason": "stopped"}, "has stopped"),
    ({"kind": "replica.stopping", "reason": "updated"}, "stops: its definition has changed"),
    ({"kind": "some.new_kind"}, "some new kind"),
]
"""Events, and how their words end."""


def test_events_have_words(page: Page, service: Service) -> None:
    open_page(page, service, "#/events")
    script = "(all) => import('/ui/eventwords.js').then((m) => all.map(m.eventWords))"

    found = page.evaluate(script, [event for event, _ in WORDS])

    said = [": ".join(part for part in (one["what"], one["why"]) if part) for one in found]
    for words, (_, end) in zip(said, WORDS, strict=True):
        assert words.endswith(end)

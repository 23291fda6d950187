"""The schedule: what fires when here and in the task's zone, clock changes, run now, pause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.system.service import Service

from .browsing import Watch, open_page


def row(page: Page, name: str) -> Locator:
    return page.locator(f"[data-schedule={name}]")


def test_fires_are_shown_here_and_in_the_tasks_own_zone(browser: Browser, service: Service) -> None:
    service.must_post("tokyo", "true", "cron", cron="30 4 * * *", timezone="Asia/Tokyo")
    service.must_post("often", "true", "cron", cron="*/10 * * * *", timezone="UTC")
    service.must_post("web", "exec sleep 1000", "daemon")
    context = browser.new_context(timezone_id="America/New_York", locale="en-GB")
    page = context.new_page()
    watch = Watch(page)
    open_page(page, service, "#/schedule")

    expect(row(page, "tokyo")).to_contain_text("at 04:30 every day (Asia/Tokyo)")
    expect(row(page, "web")).to_have_count(0)
    expect(row(page, "often").locator(".s-next")).to_have_text(re.compile(r"in \d+ (min|s)"))
    fire = page.locator(".coming-fire", has_text="tokyo")
    expect(fire).to_contain_text("04:30 Asia/Tokyo")
    expect(fire.locator(".coming-time")).to_have_text(re.compile("1[45]:30"))
    expect(page.locator(".coming-fire", has_text="often")).to_have_count(4)
    expect(page.locator(".schedule-zone")).to_have_text("Times are America/New York")
    context.close()
    assert not watch.faults, watch.faults


def test_a_task_is_run_now_paused_and_resumed(page: Page, service: Service) -> None:
    service.must_post("nightly", "echo done", "cron", cron="0 4 * * *")
    open_page(page, service, "#/schedule?task=nightly")
    expect(page.locator("[data-schedule]")).to_have_count(1)

    page.get_by_role("button", name="Run now: nightly").click()
    expect(page.locator(".toast")).to_contain_text("Running nightly")
    service.wait_ends("nightly")
    page.get_by_role("button", name="Pause nightly").click()
    expect(row(page, "nightly").locator(".s-next")).to_have_text("paused")
    expect(page.locator(".coming-fire")).to_have_count(0)
    page.get_by_role("button", name="Resume nightly").click()

    expect(row(page, "nightly").locator(".s-next")).to_contain_text("in ")
    expect(page.locator(".coming-fire", has_text="nightly")).to_have_count(1)


def test_what_was_skipped_is_counted_and_said(page: Page, service: Service) -> None:
    service.must_post("slow", "exec sleep 1000", "cron", cron="* * * * * *")
    open_page(page, service, "#/schedule?hours=168")
    expect(row(page, "slow")).to_be_visible()

    expect(row(page, "slow")).to_contain_text(re.compile(r"\d skipped"))
    expect(page.locator(".schedule-missed")).to_contain_text(
        "slow skipped a run: slow:0 still runs"
    )
    service.delete("slow")
    expect(row(page, "slow")).to_have_count(0)


def test_the_next_fire_counts_down_without_asking_anew(page: Page, service: Service) -> None:
    service.must_post("soon", "true", "cron", cron="* * * * *")
    open_page(page, service, "#/schedule?task=soon")
    left = row(page, "soon").locator(".s-next")
    expect(left).to_contain_text("in ")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    first = left.inner_text()
    expect(left).not_to_have_text(first)

    assert [url for url in asked if "agenda" in url] == []


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose clock goes back an hour in about two hours, by a rule of POSIX.

    The rule names the day of the year (J1 is 1 January) and the local time of the change.
    """
    change = datetime.now(UTC) + timedelta(hours=2)
    summer = change + timedelta(hours=2)  # AAA is UTC+1, BBB (summer) UTC+2.
    days = summer.timetuple().tm_yday - (_leap(summer.year) and summer.timetuple().tm_yday > 59)
    other = (days + 180) % 364 + 1
    rule = f"AAA-1BBB,J{other}/2,J{days}/{summer.hour}"
    service = Service(tmp_path_factory.mktemp("zone") / "s", env={"TZ": rule})
    try:
        yield service.start()
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def test_a_clock_change_in_the_window_is_marked(page: Page, changing: Service) -> None:
    changing.must_post("hourly", "true", "cron", cron="30 * * * *")
    open_page(page, changing, "#/schedule")

    expect(page.locator(".schedule-changes li")).to_contain_text(
        "the service's time: clocks go back 1 h"
    )
    expect(page.locator(".s-change")).to_have_count(1)
    expect(page.locator(".coming-change")).to_contain_text("clocks go back 1 h")


def test_fires_that_were_missed_are_said(page: Page, tmp_path: Path) -> None:
    service = Service(tmp_path / "s").start()
    try:
        service.must_post("missed", "true", "cron", cron="* * * * * *")
        assert service.stop() == 0
        due = datetime.now(UTC) + timedelta(seconds=1.1)
        while datetime.now(UTC) < due:
            page.wait_for_timeout(50)
        service.start()
        open_page(page, service, "#/schedule")

        expect(page.locator(".schedule-missed")).to_contain_text("missed a fire of its schedule")
        page.goto("about:blank")
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left

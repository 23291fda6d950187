"""The logs page: live, searched, gone through from end to begin, and taken away."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.system.service import Service, until

from .browsing import allow, open_page, serious

BIG = 1_000_000


@pytest.fixture(autouse=True)
def nothing_left(service: Service) -> Iterator[None]:
    yield
    if service.tasks():
        service.request("POST", "/v1/delete?wait=30", {"tasks": ["*"]})


def rows(page: Page) -> Locator:
    return page.locator(".logs-row")


def texts(page: Page) -> list[str]:
    return page.locator(".logs-row:not([data-marker]) .logs-text").all_inner_texts()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


class Tap:
    """A task that writes the lines that come through a fifo, when they come."""

    def __init__(self, service: Service, folder: Path, name: str) -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        service.must_post(name, f"exec cat {shlex.quote(str(self.path))}", "daemon")
        self._pipe = self.path.open("wb", buffering=0)

    def write(self, *lines: str) -> None:
        self._pipe.write("".join(line + "\n" for line in lines).encode())

    def close(self) -> None:
        self._pipe.close()
        self.path.unlink()


@pytest.fixture
def tap(service: Service, tmp_path: Path) -> Iterator[Callable[[str], Tap]]:
    taps: list[Tap] = []

    def make(name: str) -> Tap:
        taps.append(Tap(service, tmp_path, name))
        return taps[-1]

    yield make
    for one in taps:
        one.close()


def write(service: Service, name: str, content: bytes, folder: Path) -> None:
    """Have a task of this name write these bytes, and end."""
    source = folder / f"{name}.txt"
    source.write_bytes(content)
    service.must_post(name, f"exec cat {shlex.quote(str(source))}")
    until(lambda: ended(service, name))


def ended(service: Service, name: str) -> bool:
    runs = service.request("GET", f"/v1/tasks/{name}/runs").body["runs"]
    return bool(runs) and runs[0]["ended"] is not None


def test_lines_appear_as_they_are_written_until_one_pauses(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    voice = tap("voice")
    open_page(page, service, "#/logs?task=voice")
    expect(page.locator(".logs-state")).to_have_text("live")
    expect(rows(page).first).to_contain_text("started")

    voice.write("one", "two")
    expect(rows(page).last).to_contain_text("two")
    page.keyboard.press("p")
    expect(page.locator(".logs-state")).to_have_text("paused")
    voice.write("three")
    until(lambda: "three" in service.request("GET", "/v1/logs?task=voice").raw.decode())
    assert texts(page) == ["one", "two"]

    button(page, "Resume").click()
    expect(rows(page).last).to_contain_text("three")
    voice.write("four")
    expect(rows(page).last).to_contain_text("four")
    assert texts(page) == ["one", "two", "three", "four"]


def test_tasks_are_interleaved_in_the_order_of_time(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    left, right, _ = tap("left"), tap("right"), tap("other")
    open_page(page, service, "#/logs")
    box = page.get_by_role("combobox", name="Tasks whose logs are shown")
    box.fill("le")
    box.press("ArrowDown")
    box.press("Enter")
    box.fill("righ*")
    box.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(quote("left,righ*", safe="*"))))
    expect(page.locator(".logs-state")).to_have_text("live")

    for number in range(3):
        left.write(f"l{number}")
        expect(rows(page).last).to_contain_text(f"l{number}")
        right.write(f"r{number}")
        expect(rows(page).last).to_contain_text(f"r{number}")
    assert texts(page) == ["l0", "r0", "l1", "r1", "l2", "r2"]
    page.reload()
    expect(rows(page).last).to_contain_text("r2")
    assert texts(page) == ["l0", "r0", "l1", "r1", "l2", "r2"]
    assert page.locator(".logs-name").all_inner_texts()[-2:] == ["left:0", "right:0"]
    box.fill("ns:default")
    box.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(quote("left,righ*,ns:default", safe="*"))))
    expect(rows(page).last).to_contain_text("r2")
    button(page, "Without ns:default").click()
    button(page, "Without left").click()
    expect(rows(page).last).to_contain_text("r2")
    assert texts(page) == ["r0", "r1", "r2"]


def test_following_ends_when_one_scrolls_up_and_comes_back(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    voice = tap("voice")
    voice.write(*(f"line {n}" for n in range(500)))
    open_page(page, service, "#/logs?task=voice")
    expect(rows(page).last).to_contain_text("line 499")

    page.locator(".logs-scroller").hover()
    page.mouse.wheel(0, -2000)
    expect(button(page, "Follow")).to_have_attribute("aria-pressed", "false")
    seen = page.locator(".logs-row").nth(20).inner_text()
    voice.write("new a", "new b")
    expect(button(page, "2 new lines")).to_be_visible()
    assert page.get_by_text(seen.split("\n")[-1], exact=True).first.is_visible()

    button(page, "2 new lines").click()
    expect(page.locator(".logs-text", has_text="new b")).to_be_in_viewport()
    voice.write("new c")
    expect(page.locator(".logs-text", has_text="new c")).to_be_in_viewport()
    page.keyboard.press("g")
    expect(page.locator(".logs-text", has_text="line 0")).to_be_in_viewport()
    page.keyboard.press("f")
    expect(page.locator(".logs-text", has_text="new c")).to_be_in_viewport()


def test_levels_and_searches_choose_lines_and_what_is_found_is_marked(
    page: Page, service: Service, tmp_path: Path
) -> None:
    lines: list[dict[str, Any]] = [
        {"level": "info", "n": 1, "msg": "Alpha (x)"},
        {"level": "warning", "n": 2, "msg": "beta"},
        {"level": "error", "n": 3, "msg": "alpha"},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines) + "no json, alpha (x)\n"
    write(service, "levels", content.encode(), tmp_path)
    open_page(page, service, "#/logs?task=levels")
    expect(page.locator(".logs-text", has_text="no json")).to_be_visible()

    page.get_by_label("Level", exact=True).select_option("warning")
    expect(rows(page)).to_have_count(2)
    assert [json.loads(text)["n"] for text in texts(page)] == [2, 3]
    page.get_by_label("Level", exact=True).select_option("")
    page.keyboard.press("Escape")
    page.get_by_label("Search the logs").fill("ALPHA (X)")
    expect(page.locator("mark")).to_have_text(["Alpha (x)", "alpha (x)"])
    page.get_by_label("Search the logs").press("Enter")
    expect(page.locator("[data-current]")).to_contain_text("no json")
    button(page, "Match above").click()
    expect(page.locator("[data-current]")).to_contain_text("Alpha (x)")
    expect(page.locator(".logs-found")).to_have_text("1 of 2")
    button(page, "Match above").click()
    expect(page.locator(".logs-found")).to_have_text("no match above")

    button(page, "Only matches").click()
    expect(rows(page)).to_have_count(2)
    button(page, "Upper and lower case matter").click()
    expect(page.get_by_text("No line matches.")).to_be_visible()
    button(page, "A regular expression").click()
    page.get_by_label("Search the logs").fill("alpha [(]")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Search the logs").fill("alpha (")
    expect(page.locator(".logs-found")).to_contain_text("nterminated")


def test_a_run_is_chosen_by_its_begin_end_and_exit(page: Page, service: Service) -> None:
    body = {"name": "twice", "type": "once", "cmd": ["sh", "-c", "echo by $PROCTOR_RUN; exit 3"]}
    service.request("PUT", "/v1/tasks/twice", body)
    until(lambda: ended(service, "twice"))
    service.request("POST", "/v1/tasks/twice/run")
    until(lambda: len(service.request("GET", "/v1/tasks/twice/runs").body["runs"]) == 2)
    until(lambda: ended(service, "twice"))
    second, first = service.request("GET", "/v1/tasks/twice/runs").body["runs"]
    open_page(page, service, "#/logs?task=twice")
    expect(page.locator("[data-marker]")).to_have_count(4)
    expect(page.locator("[data-marker=bad]").last).to_contain_text("exited 3 after")

    choice = page.get_by_label("Run", exact=True)
    options = choice.locator("option")
    expect(options).to_have_count(3)
    expect(options.nth(1)).to_have_text(re.compile(rf"run {second['run']} · .* – .* · .*3"))
    choice.select_option(str(first["run"]))
    expect(page.locator("[data-marker]")).to_have_count(2)
    assert texts(page) == [f"by {first['run']}"]
    page.reload()
    expect(page.locator("[data-marker]")).to_have_count(2)
    assert texts(page) == [f"by {first['run']}"]


def test_colours_are_shown_and_what_is_selected_is_the_plain_text(
    page: Page, service: Service, tmp_path: Path
) -> None:
    content = b"\x1b[31mred\x1b[0m plain \x1b[1;38;2;10;20;30mtrue\x1b[m <b>&\n\tsecond\n\nlast\n"
    write(service, "colours", content, tmp_path)
    open_page(page, service, "#/logs?task=colours")

    expect(page.locator(".ansi-red")).to_have_text("red")
    expect(page.locator(".ansi-bold")).to_have_css("color", "rgb(10, 20, 30)")
    assert texts(page)[:2] == ["red plain true <b>&", "\tsecond"]
    begin = page.locator(".logs-text", has_text="red plain").bounding_box()
    end = page.locator(".logs-text", has_text="last").bounding_box()
    assert begin
    assert end
    page.mouse.move(begin["x"] + 1, begin["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 100, end["y"] + 10, steps=5)
    page.mouse.up()
    page.evaluate(
        "addEventListener('copy', event => window.copied = event.clipboardData.getData('text'))"
    )
    page.keyboard.press("Control+c")
    assert page.evaluate("window.copied").split("\n") == [
        "red plain true <b>&",
        "\tsecond",
        "",
        "last",
    ]


def test_long_lines_wrap_and_times_are_shown_as_one_likes(
    page: Page, service: Service, tmp_path: Path
) -> None:
    long = "word " * 400 + "end"
    write(service, "long", f"{long}\nshort\n".encode() * 50, tmp_path)
    open_page(page, service, "#/logs?task=long")
    scroller = page.locator(".logs-scroller")
    expect(rows(page).last).to_contain_text("exited 0")
    assert scroller.evaluate("one => one.scrollWidth > one.clientWidth + 1000")

    page.keyboard.press("w")
    until(lambda: not scroller.evaluate("one => one.scrollWidth > one.clientWidth"))
    expect(rows(page).last).to_be_in_viewport()
    page.keyboard.press("g")
    expect(rows(page).first).to_be_in_viewport()
    heights = page.evaluate(
        "[...document.querySelectorAll('.logs-row')].map(row => row.getBoundingClientRect().height)"
    )
    assert heights[0] == 20
    assert heights[1] >= 200
    expect(page.locator(".logs-time").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}"))
    # Also when the frame, which has a `t` of its own, was rendered later than the page.
    page.get_by_role("button", name=re.compile("^Theme")).click()
    page.keyboard.press("t")
    expect(page.locator(".logs-time")).to_have_count(0)
    page.reload()
    expect(rows(page).last).to_contain_text("exited 0")
    expect(page.locator(".logs-time")).to_have_count(0)


def test_of_a_very_long_line_the_rest_is_told_of(
    page: Page, service: Service, tmp_path: Path
) -> None:
    write(service, "wide", b"x" * 500_000 + b"\nshort\n", tmp_path)
    open_page(page, service, "#/logs?task=wide")

    expect(page.locator(".logs-more")).to_have_text(" … 480000 more characters")
    expect(page.locator(".logs-text", has_text="short")).to_be_visible()


def test_the_bytes_and_what_is_chosen_can_be_taken_away(
    page: Page, service: Service, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 40 + b"\nwanted 1\nother\nwanted 2\n"
    write(service, "bytes", content, tmp_path)
    open_page(page, service, "#/logs?task=bytes&q=wanted&only=1")
    expect(rows(page)).to_have_count(2)
    button(page, "Times").click()

    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="bytes:0").click()
    assert Path(download.value.path()).read_bytes() == content
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Lines that are chosen").click()
    assert Path(download.value.path()).read_text() == "wanted 1\nwanted 2\n"


def test_with_a_token_the_log_is_followed_and_its_bytes_come_too(
    page: Page, guarded: Service, tmp_path: Path
) -> None:
    guarded.must_post("secret", "echo hidden; exec sleep 1000", "daemon")
    allow(page, "401")
    open_page(page, guarded, "#/logs?task=secret")
    page.get_by_label("Token").fill("secret-token")
    button(page, "Log in").click()
    expect(rows(page).last).to_contain_text("hidden")

    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="secret:0").click()
    assert Path(download.value.path()).read_bytes() == b"hidden\n"
    guarded.request("POST", "/v1/delete?wait=30", {"tasks": ["*"]})


def number(text: str) -> int:
    return int(text.rpartition("#")[2])


def shown_numbers(page: Page) -> list[int]:
    return [number(text) for text in texts(page) if "#" in text]


@pytest.fixture
def big(service: Service) -> None:
    program = f"exec awk 'BEGIN {{ for (i = 0; i < {BIG}; i++) print \"a line of the log #\" i }}'"
    service.must_post("big", program)
    until(lambda: ended(service, "big"))


def test_a_million_lines_are_gone_through_with_few_in_the_document(
    page: Page, service: Service, big: None
) -> None:
    open_page(page, service, "#/logs?task=big")
    expect(rows(page).last).to_contain_text("exited 0")
    scroller = page.locator(".logs-scroller")

    def consecutive(first: int, last: int) -> list[int]:
        found = shown_numbers(page)
        assert found == list(range(found[0], found[0] + len(found)))
        assert first <= found[0]
        assert found[-1] <= last
        assert rows(page).count() < 100
        return found

    assert consecutive(BIG - 100, BIG - 1)[-1] == BIG - 1
    page.keyboard.press("g")
    expect(page.locator(".logs-text", has_text=re.compile("#0$"))).to_be_in_viewport()
    assert consecutive(0, 100)[0] == 0
    scroller.evaluate("one => one.scrollTop = one.scrollHeight / 2")
    until(lambda: shown_numbers(page)[:1] > [1000])
    before = consecutive(BIG * 4 // 10, BIG * 6 // 10)
    # Up through several pages: no jump, no gap.
    scroller.hover()
    for _ in range(30):
        page.mouse.wheel(0, -2000)
        found = until(lambda: shown_numbers(page))
        assert found == list(range(found[0], found[0] + len(found)))
    until(lambda: shown_numbers(page)[0] < before[0] - 2000)
    assert shown_numbers(page)[0] > before[0] - 4000
    scroller.evaluate("one => one.scrollTop = one.scrollHeight")
    expect(rows(page).last).to_contain_text("exited 0")
    assert consecutive(BIG - 100, BIG - 1)[-1] == BIG - 1
    expect(button(page, "Follow")).to_have_attribute("aria-pressed", "true")


def test_what_is_not_loaded_is_found_by_the_service(
    page: Page, service: Service, big: None
) -> None:
    open_page(page, service, "#/logs?task=big")
    expect(rows(page).last).to_contain_text("exited 0")

    page.get_by_label("Search the logs").fill("#123456")
    page.get_by_label("Search the logs").press("Enter")
    expect(page.locator("[data-current] .logs-text")).to_have_text("a line of the log #123456")
    expect(page.locator("[data-current]")).to_be_in_viewport()
    found = shown_numbers(page)
    assert found == list(range(found[0], found[0] + len(found)))
    button(page, "Only matches").click()
    expect(page.locator(".logs-text")).to_have_text(["a line of the log #123456"])


def test_a_burst_loses_nothing_and_the_page_stays_awake(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    lines = 60_000
    voice = tap("voice")
    open_page(page, service, "#/logs?task=voice")
    expect(page.locator(".logs-state")).to_have_text("live")
    page.evaluate(
        """() => {
            window.longest = 0;
            let before = performance.now();
            const tick = () => {
                const now = performance.now();
                window.longest = Math.max(window.longest, now - before);
                before = now;
                requestAnimationFrame(tick);
            };
            requestAnimationFrame(tick);
        }"""
    )

    voice.write(*(f"in a burst #{n}" for n in range(lines)))
    expect(rows(page).last).to_contain_text(f"#{lines - 1}", timeout=60_000)
    found = shown_numbers(page)
    assert found == list(range(lines - len(found), lines))
    assert rows(page).count() < 100
    # Upwards all of it is there: what was dropped from memory comes from the service again.
    page.keyboard.press("g")
    expect(page.locator(".logs-text", has_text=re.compile("#0$"))).to_be_in_viewport()
    assert shown_numbers(page)[:5] == [0, 1, 2, 3, 4]
    assert page.evaluate("window.longest") < 5000


def test_the_death_of_the_manager_costs_no_line(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    allow(page, "ERR_")
    voice = tap("voice")
    open_page(page, service, "#/logs?task=voice")
    voice.write("before")
    expect(rows(page).last).to_contain_text("before")

    service.kill_manager()
    voice.write("meanwhile")
    expect(page.locator(".logs-text", has_text="meanwhile")).to_have_count(1)
    voice.write("after")
    expect(rows(page).last).to_contain_text("after")
    assert texts(page) == ["before", "meanwhile", "after"]


def test_what_is_not_there_is_said_and_comes_when_it_does(page: Page, service: Service) -> None:
    allow(page, "404")
    open_page(page, service, "#/logs?task=later")
    expect(page.get_by_text("no task is named 'later'")).to_be_visible()

    service.must_post("later", "echo here; exec sleep 1000", "daemon")
    expect(rows(page).last).to_contain_text("here")


def test_axe_finds_nothing_serious_and_nothing_is_wider_than_a_phone(
    page: Page, service: Service, tmp_path: Path
) -> None:
    content = "".join(f"\x1b[3{n}mcolour {n}\x1b[0m found\n" for n in range(8))
    content += '{"level":"debug","msg":"found"}\n{"level":"error"}\n'
    write(service, "seen", content.encode(), tmp_path)
    open_page(page, service, "#/logs?task=seen,seen*&q=found")
    expect(page.locator("mark")).to_have_count(9)

    page.get_by_role("combobox", name="Tasks whose logs are shown").click()
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(rows(page).last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []


def test_a_page_that_nobody_sees_gives_its_connection_back_and_goes_on_when_seen(
    page: Page, service: Service, tap: Callable[[str], Tap]
) -> None:
    page.clock.install()
    voice = tap("voice")
    open_page(page, service, "#/logs?task=voice")
    voice.write("seen")
    expect(rows(page).last).to_contain_text("seen")
    show = """hidden => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""

    page.evaluate(show, True)
    page.clock.run_for(31_000)
    expect(page.locator(".logs-state")).to_have_text("paused")
    voice.write("meanwhile")
    until(lambda: b"meanwhile" in service.request("GET", "/v1/logs?task=voice").raw)
    assert texts(page) == ["seen"]
    page.evaluate(show, False)
    expect(rows(page).last).to_contain_text("meanwhile")
    voice.write("now")
    expect(rows(page).last).to_contain_text("now")
    assert texts(page) == ["seen", "meanwhile", "now"]

"""Pictures of each page of the web UI, made from the demo, for docs/web.md.

    python scripts/demo/screenshots.py [--seconds 90] [PAGE ...]

A page joins by a line in PAGES.  The demo runs for a while first, so that there is a past to see.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from run import running

IMAGES = Path(__file__).parents[2] / "docs" / "images"
PORT = 8690
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


class Picture(NamedTuple):
    """`hash` is the page's address, `complete` what is there once it is worth a picture."""

    name: str
    hash: str
    complete: str


PAGES = [
    Picture("overview", "#/?by=namespace", "[data-task=worker] .spark path"),
    Picture("task", "#/task/worker", ".chart canvas >> nth=1"),
    Picture("schedule", "#/schedule", ".s-fires path"),
    Picture("graph", "#/graph", ".graph-node"),
    Picture("events", "#/events", ".event"),
    Picture("edit", "#/edit/backup", ".cron-words"),
    Picture("logs", "#/logs?task=worker,web,mailer&q=retrying", ".logs-row mark"),
]

LOOKS = {"": (1440, 900, "light"), "-phone": (390, 844, "dark")}


def take(browser: Browser, url: str, picture: Picture) -> None:
    for suffix, (width, height, scheme) in LOOKS.items():
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            device_scale_factor=2 if suffix else 1,
        )
        page.goto(f"{url}/{picture.hash}")
        page.wait_for_selector(picture.complete, state="attached")
        page.wait_for_timeout(2500)  # Charts and lines come with the next step.
        page.screenshot(path=IMAGES / f"{picture.name}{suffix}.png")
        page.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=90)
    arguments.add_argument("pages", nargs="*", help="only these")
    given = arguments.parse_args()
    chosen = [one for one in PAGES if not given.pages or one.name in given.pages]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running(PORT) as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"),
            args=ARGUMENTS,
        )
        # Figures are taken only while somebody asks for them.
        watcher = browser.new_page()
        watcher.goto(demo.url)
        watcher.wait_for_selector("[data-task]")
        end = time.monotonic() + given.seconds
        while time.monotonic() < end:
            watcher.wait_for_timeout(1000)
        for picture in chosen:
            take(browser, demo.url, picture)
            print(IMAGES / f"{picture.name}.png")
        browser.close()


if __name__ == "__main__":
    main()

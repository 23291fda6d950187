from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

pytest.importorskip("textual")

from textual.pilot import Pilot
from textual.widgets import DataTable, RichLog, Static

from proctor.cli.screen import COLUMNS, Top, summary
from proctor.client import AsyncClient
from proctor.client.models import TaskSummary, TaskUsage
from tests.system.service import PATIENCE

from .support import Cli

Watch = Callable[[Top, Pilot[None]], Awaitable[None]]


def watch(cli: Cli, body: Watch, *select: str) -> None:
    """Show the screen, headless, and have the body use it."""

    async def main() -> None:
        app = Top(AsyncClient(f"unix:{cli.state_dir}/proctor.sock"), select, 0.1)
        async with asyncio.timeout(PATIENCE), app.run_test(size=(140, 40)) as pilot:
            await body(app, pilot)

    asyncio.run(main())


def table(app: Top) -> dict[str, dict[str, str]]:
    found = app.query_one("#tasks", DataTable)
    rows = [[str(cell) for cell in found.get_row_at(n)] for n in range(found.row_count)]
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    while not holds():
        await pilot.pause(0.02)


def test_tasks_are_shown_with_state_and_usage_and_the_log_of_the_chosen_one(cli: Cli) -> None:
    cli("add", "top-a", "--shell", "echo from-a; exec sleep 1000", ok=True)
    cli("add", "top-b", "--shell", "echo from-b; exec sleep 1000", ok=True)

    async def body(app: Top, pilot: Pilot[None]) -> None:
        def log() -> str:
            return "\n".join(line.text for line in app.query_one("#log", RichLog).lines)

        await until(pilot, lambda: table(app).get("top-b", {}).get("MEM"))
        assert table(app)["top-a"]["STATE"] == "running"
        assert table(app)["top-a"]["READY"] == "1/1"
        await until(pilot, lambda: "from-a" in log())
        await pilot.press("down")
        await until(pilot, lambda: "from-b" in log())
        assert "from-a" not in log()
        await pilot.press("k")
        await until(pilot, lambda: "from-a" in log())
        await pilot.press("j")
        await until(pilot, lambda: "from-b" in log())
        assert "2 tasks (2 running)" in str(app.query_one("#summary", Static).render())

    watch(cli, body)


def test_keys_act_on_the_chosen_task(cli: Cli) -> None:
    cli("add", "top-c", "--", "sleep", "1000", ok=True)

    async def body(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: table(app).get("top-c", {}).get("STATE") == "running")
        await pilot.press("x")
        await until(pilot, lambda: table(app)["top-c"]["STATE"] == "stopped")
        await pilot.press("s")
        await until(pilot, lambda: table(app)["top-c"]["STATE"] == "running")

    watch(cli, body)


def test_ctrl_c_quits_also_from_the_filter(cli: Cli) -> None:
    for keys in ([], ["slash"]):

        async def body(app: Top, pilot: Pilot[None], keys: list[str] = keys) -> None:
            await pilot.press(*keys, "ctrl+c")
            await until(pilot, lambda: not app.is_running)

        watch(cli, body)


def test_the_filter_narrows_the_list_down_and_escape_ends_it(cli: Cli) -> None:
    cli("add", "top-d", "--", "sleep", "1000", ok=True)
    cli("add", "top-e", "--", "sleep", "1000", ok=True)

    async def body(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app)) == 2)
        await pilot.press("slash", *"-e")
        await until(pilot, lambda: list(table(app)) == ["top-e"])
        await pilot.press("escape")
        await until(pilot, lambda: len(table(app)) == 2)

    watch(cli, body)


def test_without_a_service_it_says_so(cli: Cli) -> None:
    async def main() -> None:
        app = Top(AsyncClient("http://127.0.0.1:9", patience=0.0), (), 0.1)
        async with asyncio.timeout(PATIENCE), app.run_test() as pilot:
            said = app.query_one("#summary", Static)
            await until(pilot, lambda: "no service answers" in str(said.render()))

    asyncio.run(main())


def test_top_needs_a_terminal(cli: Cli) -> None:
    refused = cli("top")

    assert refused.status == 2
    assert "proctor ls --usage" in refused.err


def test_the_summary_counts_states_and_adds_up() -> None:
    tasks = [TaskSummary("a", "daemon", "running"), TaskSummary("b", "daemon", "failed")]
    usages = [TaskUsage("a", cpu=0.5, rss=1 << 20), TaskUsage("b", cpu=None)]

    assert summary(tasks, usages) == "2 tasks (1 failed, 1 running)   CPU 50%   MEM 1M"
    assert summary([], []) == "0 tasks (none)   CPU 0%   MEM 0B"

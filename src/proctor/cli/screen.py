"""The screen of `proctor top`.  Only this module imports Textual.

The list is asked for again and again; the log of the chosen task is followed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Footer, Input, RichLog, Static

from proctor.client.aio import AsyncClient
from proctor.client.errors import ClientError
from proctor.client.models import TaskSummary, TaskUsage

from .ls import HEAD, USED, row, used
from .output import printable, state_colour
from .words import clock, size

COLUMNS = (*HEAD[:7], *USED, *HEAD[7:])
STATE = COLUMNS.index("STATE")
WIDEST_NAME = 40
TAIL = 200
MOST_LINES = 5000


def cells(task: TaskSummary, usage: TaskUsage | None, now: float) -> list[Text]:
    """Return a task's row."""
    plain = row(task, now)
    texts = [Text(printable(cell)) for cell in (*plain[:7], *used(usage), *plain[7:])]
    texts[0].truncate(WIDEST_NAME, overflow="ellipsis")
    texts[STATE].stylize(state_colour(task.state) or "")
    return texts


def summary(tasks: Sequence[TaskSummary], usages: Sequence[TaskUsage]) -> str:
    """Return the line at the top: how many there are in which state, and what all use."""
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.state] = counts.get(task.state, 0) + 1
    states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    cpu = sum(usage.cpu or 0.0 for usage in usages) * 100
    memory = size(sum(usage.rss for usage in usages))
    return f"{len(tasks)} tasks ({states or 'none'})   CPU {cpu:.0f}%   MEM {memory}"


class Top(App[None]):
    """The list above, the log of the chosen task below."""

    TITLE = "proctor top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary { height: 1; background: $primary; color: $text; padding: 0 1; }
    #filter { display: none; height: 3; }
    #filter.shown { display: block; }
    #tasks { height: 1fr; }
    #log { height: 1fr; border-top: solid $primary; }
    #tasks.hidden { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "act('start')", "Start"),
        Binding("x", "act('stop')", "Stop"),
        Binding("r", "act('restart')", "Restart"),
        Binding("R", "roll", "Roll", key_display="R"),
        Binding("n", "act('run')", "Run now"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("l", "toggle_list", "Log"),
        Binding("j", "step(1)", show=False),
        Binding("k", "step(-1)", show=False),
        Binding("escape", "leave_filter", show=False),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, client: AsyncClient, select: Sequence[str], every: float) -> None:
        super().__init__()
        self._client = client
        self._select = tuple(select)
        self._every = every
        self._names: list[str] = []
        self._chosen = ""
        self._filter = ""
        self._looking = False

    def compose(self) -> ComposeResult:
        yield Static(id="summary", markup=False)
        yield Input(placeholder="part of a name", id="filter")
        with Vertical():
            yield DataTable(id="tasks", cursor_type="row", zebra_stripes=True)
            yield RichLog(id="log", max_lines=MOST_LINES, wrap=True)
        yield Footer()

    def on_mount(self) -> None:
        table = self._table
        for name in COLUMNS:
            table.add_column(name, key=name)
        table.focus()
        self.set_interval(self._every, self._look)
        self._look()

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#tasks", DataTable)

    # Looking.

    def _look(self) -> None:
        """Ask for the list, unless the answer to the last question has not come yet."""
        if not self._looking:
            self._looking = True
            self._refresh()

    @work(group="look")
    async def _refresh(self) -> None:
        try:
            tasks = await self._client.tasks(*self._select)
            usages = (await self._client.usage()).tasks
        except ClientError as error:
            self._say(str(error).replace("\n", " - "))
            return
        finally:
            self._looking = False
        self._show([task for task in tasks if self._filter in task.name], usages)

    def _show(self, tasks: Sequence[TaskSummary], usages: Sequence[TaskUsage]) -> None:
        self._say(summary(tasks, usages))
        if not self.query("#tasks"):
            return
        used_by = {usage.name: usage for usage in usages}
        names = [task.name for task in tasks]
        now = time.time()
        table = self._table
        if names != self._names:
            self._rebuild(names)
        for task in tasks:
            for column, cell in zip(COLUMNS, cells(task, used_by.get(task.name), now), strict=True):
                table.update_cell(task.name, column, cell, update_width=True)
        self._follow_chosen()

    def _rebuild(self, names: list[str]) -> None:
        """Make other rows, and keep the cursor on the task it was on."""
        table = self._table
        table.clear()
        for name in names:
            table.add_row(*[Text("")] * len(COLUMNS), key=name)
        self._names = names
        if self._chosen in names:
            table.move_cursor(row=names.index(self._chosen))

    def _say(self, text: str) -> None:
        for line in self.query("#summary").results(Static):  # None, if we are about to end.
            line.update(text)

    # The log.

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._follow_chosen()

    def _follow_chosen(self) -> None:
        row = self._table.cursor_row
        name = self._names[row] if 0 <= row < len(self._names) else ""
        if name != self._chosen:
            self._chosen = name
            self.query_one("#log", RichLog).clear()
            if name:
                self._follow(name)

    @work(group="log", exclusive=True)
    async def _follow(self, name: str) -> None:
        log = self.query_one("#log", RichLog)
        log.border_title = name
        try:
            async for line in self._client.logs(name, tail=TAIL, follow=True):
                stamp = Text(f"{clock(line.time)} {name}:{line.replica} ", style="bright_black")
                log.write(stamp + Text.from_ansi(line.text or line.marker))
        except ClientError as error:
            log.write(Text(str(error), style="red"))

    def action_step(self, rows: int) -> None:
        self._table.move_cursor(row=self._table.cursor_row + rows)

    # Acting.

    def action_act(self, verb: str) -> None:
        if self._chosen:
            self._act(verb, self._chosen, {})

    def action_roll(self) -> None:
        if self._chosen:
            self._act("restart", self._chosen, {"roll": True})

    @work(group="act")
    async def _act(self, verb: str, name: str, options: dict[str, object]) -> None:
        try:
            await self._client.act(verb, [name], options, wait=60.0)
        except ClientError as error:
            self.notify(str(error), title=f"{verb} {name}", severity="error", markup=False)
        else:
            self.notify(f"{verb} {name}: done", markup=False)
        self._look()

    def action_toggle_list(self) -> None:
        self._table.toggle_class("hidden")

    # The filter.

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def action_leave_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("shown")
        self._table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = event.value
        self._look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._table.focus()

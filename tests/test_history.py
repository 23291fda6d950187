"""No more of the past is kept than the settings say: that of the busy, the rare and the removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.core.changes import Changes
from proctor.core.model import Exit, Note, ReplicaId, Run
from proctor.history import FIRST_LOOK, NEXT_LOOK, History, Retention
from proctor.store.store import Store

DAY = 86_400.0


class Past:
    """A store with a history, and a clock that each life moves on."""

    def __init__(self, path: Path, retention: Retention) -> None:
        self.store = Store(path)
        self.retention = retention
        self.run = 0
        self.now = 1e9
        self.begin()

    def begin(self) -> None:
        """The manager is another."""
        self.history = History(self.store, self.retention)

    def live(self, task: str, *, after: float = 1.0) -> None:
        """Let a replica of the task start and end, `after` seconds later than the last did."""
        self.run += 1
        self.now += after
        run = Run(self.run, ReplicaId(task, 0), "start", self.now, 7, self.now, Exit(code=0))
        note = Note(self.now, "replica.exited", task, 0, self.run, 7, "exited 0", "policy")
        self.store.save(Changes(runs={self.run: run}, notes=[note]))
        self.history.saved([run], [note], self.now)

    def kept(self, task: str) -> int:
        return len(self.store.runs(task, limit=100_000))


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    past = Past(tmp_path / "state.db", Retention(runs=3, run_age=DAY, events=100))
    yield past
    past.store.close()


def test_three_runs_means_three(past: Past) -> None:
    for _ in range(10):
        past.live("web")

    assert past.kept("web") == 3


def test_a_greater_number_is_kept_to_an_eighth_more(past: Past) -> None:
    past.history = History(past.store, Retention(runs=80))
    counts = []
    for _ in range(200):
        past.live("web")
        counts.append(past.kept("web"))

    assert max(counts) <= 90
    assert min(counts[80:]) >= 80


def test_events_are_kept_to_an_eighth_more_than_their_number(past: Past) -> None:
    for _ in range(250):
        past.live("web")

    assert 100 <= len(past.store.events(0)) <= 113


def test_runs_of_a_task_that_is_gone_or_seldom_runs_go_when_they_are_too_old(past: Past) -> None:
    past.live("gone")
    past.live("rare")
    past.live("web", after=DAY / 2)
    past.live("web", after=DAY / 2 + 1)

    assert (past.kept("gone"), past.kept("rare"), past.kept("web")) == (0, 0, 2)


def test_many_short_lives_of_the_manager_leave_no_more_than_one_long_life(past: Past) -> None:
    past.retention = Retention(runs=80, events=100)
    for _ in range(200):
        past.begin()
        past.live("web")
        past.live("other", after=FIRST_LOOK)

    assert past.kept("web") <= 81
    assert len(past.store.events(0)) <= 102


def test_a_clock_that_was_set_back_does_not_end_the_looks(past: Past) -> None:
    past.live("web", after=400 * DAY)
    past.now -= 400 * DAY
    past.live("rare")
    past.live("web", after=DAY + NEXT_LOOK)

    assert past.kept("rare") == 0

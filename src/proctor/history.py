"""How much of the past is kept, and who is told of what happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from .core.model import Note, Run
from .store.store import Store

Listener = Callable[[int, Sequence[Note]], None]
"""Gets the id of the first of some notes, and the notes; their ids count up without a gap."""

SLACK = 8
"""One part in so many more than is to be kept is let come together before the oldest go."""

FIRST_LOOK = 60.0
"""Seconds until all of the past is looked at, not that of the busy only: not while we start."""

NEXT_LOOK = 3600.0
"""Seconds until it is looked at again; what is this old by then has been kept too long so far."""


class Retention(Struct, frozen=True):
    """Ended runs kept of each task, in all, and at most so many seconds; events kept in all."""

    runs: int = 1000
    all_runs: int = 1_000_000
    run_age: float = 90 * 86_400.0
    events: int = 20_000


class History:
    """Prunes the store now and then, and passes notes on to listeners."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention
        self._listeners: list[Listener] = []
        self._ended: Counter[str] = Counter()
        self._events = 0
        self._look_at: float | None = None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of everything from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def saved(self, runs: Sequence[Run], notes: Sequence[Note], now: float) -> None:
        """These are on record now, a wall time."""
        if notes:
            first = self._store.last_event - len(notes) + 1
            for listener in list(self._listeners):
                listener(first, notes)
        self._prune_busy(runs, notes)
        self._prune_all(now)

    def _prune_busy(self, runs: Sequence[Run], notes: Sequence[Note]) -> None:
        """Let none of those that write the most get far over what is to be kept."""
        keep = self._retention
        for run in runs:
            if run.ended is not None:
                self._ended[run.id.task] += 1
                if self._ended[run.id.task] > keep.runs // SLACK:
                    del self._ended[run.id.task]
                    self._store.prune_runs(run.id.task, keep.runs)
        self._events += len(notes)
        if self._events > keep.events // SLACK:
            self._events = 0
            self._store.prune_events(keep.events)

    def _prune_all(self, now: float) -> None:
        """Let what happened long ago go, of tasks that seldom run or are removed, too."""
        if self._look_at is None:
            self._look_at = now + FIRST_LOOK
        # Somebody may have set the clock back by a year.
        if self._look_at - NEXT_LOOK <= now < self._look_at:
            return
        keep = self._retention
        self._look_at = now + NEXT_LOOK
        self._ended.clear()
        self._store.prune_all_runs(keep.runs, keep.all_runs, ended_before=now - keep.run_age)
        self._store.prune_events(keep.events)

"""How much of the past is kept, and who is told of what happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from .core.model import Note, Run
from .store.store import Store

Listener = Callable[[int, Sequence[Note]], None]
"""Gets the id of the first of some notes, and the notes; their ids count up without a gap."""

SLACK = 64
"""How many runs of a task, or hundreds of events, are let come together before old ones go."""


class Retention(Struct, frozen=True):
    """Ended runs kept of each task, at most so many and so many seconds; events kept in all."""

    runs: int = 1000
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

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of everything from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def saved(self, runs: Sequence[Run], notes: Sequence[Note], now: float) -> None:
        """These are on record now."""
        if notes:
            first = self._store.last_event - len(notes) + 1
            for listener in list(self._listeners):
                listener(first, notes)
        self._prune(runs, notes, now)

    def _prune(self, runs: Sequence[Run], notes: Sequence[Note], now: float) -> None:
        keep = self._retention
        for run in runs:
            if run.ended is not None:
                self._ended[run.id.task] += 1
                if self._ended[run.id.task] >= SLACK:
                    del self._ended[run.id.task]
                    before = now - keep.run_age
                    self._store.prune_runs(run.id.task, keep=keep.runs, ended_before=before)
        self._events += len(notes)
        if self._events >= SLACK * 100:
            self._events = 0
            self._store.prune_events(keep.events)

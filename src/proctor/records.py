"""What is on record, and what has still to be: a full disk must not keep tasks from running.

Rule: an end is acknowledged to the engine when it is on record and its output is on file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .core.changes import Changes
from .core.errors import StorageFailed
from .core.model import Run, Task
from .history import History
from .log import get_logger
from .store.store import Store
from .store.syncer import Syncer

log = get_logger("manager")

SAVE_AGAIN = 1.0
"""Seconds until a save that failed is tried again."""


class Records:
    """Saves what is different, keeps what could not be saved, and acknowledges ends.

    `acknowledge(runs)` tells the engine that nobody will ask for these any more.
    """

    def __init__(
        self, store: Store, history: History, acknowledge: Callable[[list[int]], None]
    ) -> None:
        self._store = store
        self._history = history
        self._acknowledge = acknowledge
        self._syncer = Syncer(store)
        self._unsaved = Changes()
        self._undrained: set[int] = set()
        self._ended: set[int] = set()
        self.failing = False

    def save_first(self, *tasks: Task) -> None:
        """Put on record what was asked for, before anything is done about it.

        Raises StorageFailed.
        """
        self._store.save(Changes(tasks={task.spec.name: task for task in tasks}))

    def save(self, changes: Changes, wall: float) -> None:
        """Save, with what could not be saved before; or keep all of it for later."""
        self._unsaved.merge(changes)
        try:
            self._store.save(self._unsaved)
        except StorageFailed as error:
            if not self.failing:
                log.error("save_failed", error=str(error), retry_in=SAVE_AGAIN)
            self.failing = True
            return
        if self.failing:
            log.info("save_recovered")
        self.failing = False
        saved, self._unsaved = self._unsaved, Changes()
        self._on_record(saved.runs.values())
        self._history.saved(list(saved.runs.values()), saved.notes, wall)

    def save_again(self, wall: float) -> None:
        """Try again what could not be saved."""
        if self._unsaved:
            self.save(Changes(), wall)

    async def on_disk(self) -> None:
        """Return when all that was saved until now would outlive a power cut.

        Raises StorageFailed.
        """
        await self._syncer.wait()

    def output_opened(self, run: int) -> None:
        """Somebody reads the output of this run now; `output_drained` follows."""
        self._undrained.add(run)

    def output_drained(self, run: int) -> None:
        """All the run ever wrote is on file."""
        self._undrained.discard(run)
        if run in self._ended:
            self._ended.discard(run)
            self._acknowledge([run])

    def _on_record(self, runs: Iterable[Run]) -> None:
        over = [run.run for run in runs if run.ended is not None]
        self._ended.update(run for run in over if run in self._undrained)
        if done := [run for run in over if run not in self._undrained]:
            self._acknowledge(done)


def log_run(run: Run) -> None:
    """Log what began or ended."""
    names = {"task": run.id.task, "replica": run.id.index, "run": run.run}
    if run.pid is not None:
        names["pid"] = run.pid
    if run.ended is not None:
        log.info("ended", **names, exit=str(run.exit), after=round(run.ended - run.started, 3))
    elif run.pid is not None:
        log.info("started", **names, trigger=run.trigger)

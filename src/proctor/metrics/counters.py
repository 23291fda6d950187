"""What is counted from the notes of what happens: restarts, runs, the lag of schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from proctor.core.actions import RESTART
from proctor.core.model import Note, ReplicaId
from proctor.core.world import World

from .histogram import DURATIONS, LAGS, Histogram

ENDS = frozenset({"replica.down", "replica.waiting", "replica.backoff", "replica.failed"})


class TaskCounts(Struct):
    """Of a task since the service started: seconds of its runs, and seconds from the moments
    that its schedule named (without jitter) to the starts of the runs."""

    durations: Histogram = field(default_factory=lambda: Histogram(DURATIONS))
    lags: Histogram = field(default_factory=lambda: Histogram(LAGS))


class Counters:
    """Everything is dropped with its task.

    `last_cpu(id, run)` is the CPU time of a run as it was last seen, 0.0 if it never was.
    """

    def __init__(self, world: World, last_cpu: Callable[[ReplicaId, int], float]) -> None:
        self._world = world
        self._last_cpu = last_cpu
        self._open: dict[ReplicaId, tuple[int, float]] = {}
        self.tasks: dict[str, TaskCounts] = {}
        self.restarts: Counter[ReplicaId] = Counter()
        self.ended_cpu: dict[ReplicaId, float] = {}
        for r in world.replicas.values():
            if r.alive and r.started is not None:
                self._open[r.id] = (r.run, r.started)

    def on_notes(self, first: int, notes: Sequence[Note]) -> None:
        for note in notes:
            if note.kind == "task.removed":
                self._forget(note.task)
            elif note.replica is not None and note.task in self._world.tasks:
                self._count(note, ReplicaId(note.task, note.replica))

    def _count(self, note: Note, id: ReplicaId) -> None:
        if note.kind == "replica.starting" and note.run is not None:
            self._started(note, note.run, id)
        elif note.kind in ENDS:
            self._ended(note, id)

    def _started(self, note: Note, run: int, id: ReplicaId) -> None:
        self._open[id] = (run, note.at)
        r, task = self._world.replicas.get(id), self._world.tasks[note.task]
        if r is None or r.run != run:
            return
        if r.trigger == RESTART:
            self.restarts[id] += 1
        elif r.trigger == "cron" and task.last_fire is not None:
            self._of(note.task).lags.add(max(0.0, note.at - task.last_fire))

    def _ended(self, note: Note, id: ReplicaId) -> None:
        run, started = self._open.pop(id, (0, 0.0))
        if not run:
            return
        self._of(note.task).durations.add(max(0.0, note.at - started))
        r = self._world.replicas.get(id)
        known = r.exit.cpu if r is not None and r.run == run and r.exit is not None else 0.0
        # The last reading may be more: it has the orphans, too.
        spent = max(known, self._last_cpu(id, run))
        self.ended_cpu[id] = self.ended_cpu.get(id, 0.0) + spent

    def _of(self, name: str) -> TaskCounts:
        return self.tasks.setdefault(name, TaskCounts())

    def _forget(self, name: str) -> None:
        self.tasks.pop(name, None)
        for kept in (self._open, self.restarts, self.ended_cpu):
            for id in [id for id in kept if id.task == name]:
                del kept[id]

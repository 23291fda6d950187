"""What became different in the world, for whoever keeps or shows it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from .model import Note, Replica, ReplicaId, Run, Task


class Changes(Struct):
    """What is different since the last `take`.

    `removed` tasks, with their replicas, and `dropped` replicas are no more.  `notes` says what
    happened, in order.
    """

    tasks: dict[str, Task] = {}
    replicas: dict[ReplicaId, Replica] = {}
    runs: dict[int, Run] = {}
    removed: set[str] = field(default_factory=set)
    dropped: set[ReplicaId] = field(default_factory=set)
    notes: list[Note] = []

    def __bool__(self) -> bool:
        return bool(
            self.tasks or self.replicas or self.runs or self.removed or self.dropped or self.notes
        )

    def drop(self, id: ReplicaId) -> None:
        """A replica is no more."""
        self.replicas.pop(id, None)
        self.dropped.add(id)

    def remove(self, name: str, ids: Iterable[ReplicaId]) -> None:
        """A task is no more, and with it these replicas, all that it had."""
        self.tasks.pop(name, None)
        for id in ids:
            self.replicas.pop(id, None)
        self.removed.add(name)

    def merge(self, later: Changes) -> None:
        """Add what happened later; of one thing only its last form counts."""
        for name in later.removed:
            self.tasks.pop(name, None)
            for id in [id for id in self.replicas if id.task == name]:
                del self.replicas[id]
        for id in later.dropped:
            self.replicas.pop(id, None)
        self.removed |= later.removed
        self.dropped = (self.dropped | later.dropped) - later.replicas.keys()
        self.tasks |= later.tasks
        self.replicas |= later.replicas
        self.runs |= later.runs
        self.notes += later.notes

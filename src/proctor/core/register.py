"""The books of the world: tasks and replicas, and what is looked up in more than one way.

Rule: whatever changes a task or a replica here notes it as changed and touched, and keeps every
index true.  No decision is taken here.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Collection

from .changes import Changes
from .deadlines import Deadlines
from .model import Replica, ReplicaId, State, Task
from .spec import Spec


class Register:
    """All there is, by name and by id.

    `changes` piles up what is different; `touched` are the tasks whose consequences have still to
    be drawn.  `waiting` has the WAITING replicas of each task, `in_pool` the live ones of a pool.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.replicas: dict[ReplicaId, Replica] = {}
        self.changes = Changes()
        self.touched: set[str] = set()
        self.waiting: dict[str, set[ReplicaId]] = defaultdict(set)
        self.in_pool: dict[str, set[ReplicaId]] = defaultdict(set)
        self.deadlines: Deadlines[ReplicaId] = Deadlines()
        self.fires: Deadlines[str] = Deadlines()
        self.alive = 0
        self._ids: dict[str, list[ReplicaId]] = {}
        self._dependents: dict[str, set[str]] = defaultdict(set)

    # Questions.

    def ids_of(self, name: str) -> list[ReplicaId]:
        """Return the replicas that are meant to be; surplus ones that still end are left out."""
        count = self.tasks[name].spec.replicas
        return [id for id in self._ids[name] if id.index < count]

    def surplus(self, name: str) -> list[ReplicaId]:
        """Return the replicas beyond what the spec says, lowest first."""
        count, ids = self.tasks[name].spec.replicas, self._ids[name]
        return [] if not ids or ids[-1].index < count else [id for id in ids if id.index >= count]

    def replicas_of(self, name: str) -> list[Replica]:
        """Return all its replicas, those on their way out included; of no task: none."""
        return [self.replicas[id] for id in self._ids.get(name, ())]

    def is_alive(self, name: str) -> bool:
        return any(r.alive for r in self.replicas_of(name))

    def deps_of(self, name: str) -> Collection[str]:
        task = self.tasks.get(name)
        return task.spec.dep_names if task else ()

    def dependents_of(self, name: str) -> Collection[str]:
        return self._dependents.get(name, ())

    # Changes.

    def add(self, task: Task) -> None:
        self._ids[task.spec.name] = []
        self.set_task(task)
        self._depend(task.spec)

    def respecify(self, task: Task) -> None:
        """Replace a task by one whose spec may be another."""
        name = task.spec.name
        for dep in self.tasks[name].spec.dep_names:
            self._dependents[dep].discard(name)
        self.set_task(task)
        self._depend(task.spec)

    def set_task(self, task: Task) -> None:
        name = task.spec.name
        self.tasks[name] = task
        self.fires.set(name, task.next_fire)
        self.changes.tasks[name] = task
        self.touched.add(name)

    def set_replica(self, r: Replica) -> None:
        before = self.replicas.get(r.id)
        if before is None:
            insort(self._ids[r.id.task], r.id)
        if r.alive != (before is not None and before.alive):
            self.alive += 1 if r.alive else -1
            self._count_in_pool(r)
        self.replicas[r.id] = r
        self.deadlines.set(r.id, r.deadline)
        if r.state is State.WAITING:
            self.waiting[r.id.task].add(r.id)
        elif before is not None and before.state is State.WAITING:
            self.waiting[r.id.task].discard(r.id)
        self.changes.replicas[r.id] = r
        self.touched.add(r.id.task)

    def drop_replica(self, id: ReplicaId) -> None:
        self._ids[id.task].remove(id)
        del self.replicas[id]
        self.deadlines.set(id, None)
        self.waiting[id.task].discard(id)
        self.changes.merge(Changes(dropped={id}))

    def forget(self, name: str) -> None:
        """Drop a task of which nothing is alive; whoever it held up is touched."""
        deps = self.tasks[name].spec.dep_names
        for id in list(self._ids[name]):
            self.drop_replica(id)
        del self.tasks[name], self._ids[name]
        self.fires.set(name, None)
        for dep in deps:
            self._dependents[dep].discard(name)
        self.waiting.pop(name, None)
        self.changes.merge(Changes(removed={name}))
        self.touched.update(self.dependents_of(name), deps)

    # Inside.

    def _depend(self, spec: Spec) -> None:
        for dep in spec.dep_names:
            self._dependents[dep].add(spec.name)

    def _count_in_pool(self, r: Replica) -> None:
        """Keep the pools' members; whoever waits for a slot that became free is touched."""
        pool = self.tasks[r.id.task].spec.pool
        if r.alive and pool is not None:
            self.in_pool[pool].add(r.id)
            return
        for name, members in self.in_pool.items():
            if r.id in members:
                members.discard(r.id)
                waiting = (task for task, ids in self.waiting.items() if ids)
                self.touched.update(t for t in waiting if self.tasks[t].spec.pool == name)

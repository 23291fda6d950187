"""The books of the world: tasks and replicas, and what is looked up in more than one way.

Rule: whatever changes a task or a replica here notes it as changed and touched, and keeps every
index true.  No decision is taken here.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from .changes import Changes
from .deadlines import Deadlines
from .model import Replica, ReplicaId, State, Task
from .spec import Spec


class Register:
    """All there is, by name and by id.

    `changes` piles up what is different; `touched` are the tasks whose consequences have still to
    be drawn (a dict for its order, so that the same history has the same outcome).  `waiting` has
    the WAITING replicas of each task, `taken` the slots in use of each pool, and `freed` the pools
    that may have room for who waits.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.replicas: dict[ReplicaId, Replica] = {}
        self.changes = Changes()
        self.touched: dict[str, None] = {}
        self.waiting: dict[str, set[ReplicaId]] = defaultdict(set)
        self.taken: Counter[str] = Counter()
        self.freed: dict[str, None] = {}
        self.deadlines: Deadlines[ReplicaId] = Deadlines()
        self.fires: Deadlines[str] = Deadlines()
        self.looks: Deadlines[str] = Deadlines()
        self.all_alive = 0
        self.alive: Counter[str] = Counter()
        self.pending: Counter[str] = Counter()
        self._ids: dict[str, list[ReplicaId]] = {}
        self._slots: dict[ReplicaId, str] = {}
        self._dependents: dict[str, dict[str, None]] = defaultdict(dict)

    # Questions.

    def ids_of(self, name: str) -> list[ReplicaId]:
        """Return the replicas that are meant to be; surplus ones that still end are left out."""
        count = self.tasks[name].spec.replicas
        return [id for id in self._ids[name] if id.index < count]

    def all_ids_of(self, name: str) -> list[ReplicaId]:
        """Return all its replicas; of no task: none."""
        return list(self._ids.get(name, ()))

    def surplus(self, name: str) -> list[ReplicaId]:
        """Return the replicas beyond what the spec says, lowest first."""
        count, ids = self.tasks[name].spec.replicas, self._ids[name]
        return [] if not ids or ids[-1].index < count else [id for id in ids if id.index >= count]

    def replicas_of(self, name: str) -> list[Replica]:
        """Return all its replicas, those on their way out included; of no task: none."""
        return [self.replicas[id] for id in self._ids.get(name, ())]

    def spec_of(self, r: Replica) -> Spec:
        """Return the spec that holds for a replica: a run goes on by the one it began with."""
        task = self.tasks[r.id.task]
        if r.revision == task.revision or not r.alive:
            return task.spec
        return task.old_specs.get(r.revision, task.spec)

    def deps_of(self, name: str) -> Collection[str]:
        task = self.tasks.get(name)
        return task.spec.dep_names if task else ()

    def dependents_of(self, name: str) -> Collection[str]:
        return self._dependents.get(name, ())

    # Changes.

    def touch(self, names: Iterable[str]) -> None:
        self.touched.update(dict.fromkeys(names))

    def add(self, task: Task) -> None:
        self._ids[task.spec.name] = []
        self.set_task(task)
        self._depend(task.spec)

    def respecify(self, task: Task) -> None:
        """Replace a task by one whose spec may be another."""
        name = task.spec.name
        for dep in self.tasks[name].spec.dep_names:
            self._dependents[dep].pop(name, None)
        self.touch(self.tasks[name].spec.dep_names)
        self.set_task(task)
        self._depend(task.spec)

    def set_task(self, task: Task) -> None:
        name = task.spec.name
        self.tasks[name] = task
        self.fires.set(name, task.next_fire)
        self.changes.tasks[name] = task
        self.touched[name] = None

    def set_replica(self, r: Replica) -> None:
        id, name = r.id, r.id.task
        before = self.replicas.get(id)
        if before is None:
            insort(self._ids[name], id)
        if before is None or before.state is not r.state:
            self._count(before, r)
        self.replicas[id] = r
        self.deadlines.set(id, r.deadline)
        self.changes.replicas[id] = r
        self.touched[name] = None

    def drop_replica(self, id: ReplicaId) -> None:
        """Forget a replica of which nothing is alive or to come."""
        self._ids[id.task].remove(id)
        del self.replicas[id]
        self.changes.drop(id)

    def forget(self, name: str) -> None:
        """Drop a task of which nothing is alive; whoever it held up is touched."""
        deps = self.tasks[name].spec.dep_names
        for id in self._ids[name]:
            del self.replicas[id]
        self.changes.remove(name, self._ids[name])
        del self.tasks[name], self._ids[name]
        self.fires.set(name, None)
        self.looks.set(name, None)
        for dep in deps:
            self._dependents[dep].pop(name, None)
        for books in (self.waiting, self.alive, self.pending):
            books.pop(name, None)
        self.touch([name, *self.dependents_of(name)])

    # Inside.

    def _depend(self, spec: Spec) -> None:
        for dep in spec.dep_names:
            self._dependents[dep][spec.name] = None

    def _count(self, before: Replica | None, r: Replica) -> None:
        """Keep the counts and indices true for a replica whose state is another."""
        name = r.id.task
        if r.alive != (before is not None and before.alive):
            self._count_alive(r, 1 if r.alive else -1)
        if r.pending != (before is not None and before.pending):
            self.pending[name] += 1 if r.pending else -1
        if r.state is State.WAITING:
            self.waiting[name].add(r.id)
        elif before is not None and before.state is State.WAITING:
            self.waiting[name].discard(r.id)

    def _count_alive(self, r: Replica, difference: int) -> None:
        self.all_alive += difference
        self.alive[r.id.task] += difference
        if r.alive:
            self._take_slot(r)
        else:
            self._free_slot(r)

    def _take_slot(self, r: Replica) -> None:
        pool = self.tasks[r.id.task].spec.pool
        if pool is not None:
            self._slots[r.id] = pool
            self.taken[pool] += 1

    def _free_slot(self, r: Replica) -> None:
        """Give back the slot it took, whatever pool its task is in by now."""
        pool = self._slots.pop(r.id, None)
        if pool is not None:
            self.taken[pool] -= 1
            self.freed[pool] = None

"""All tasks and replicas, and what follows from what happens to them.

`handle`, `due` and the requests (`put`, `restart`, `remove`, `halt`) change the world; `settle`
then draws every consequence.  Commands and changes pile up until `take`: whoever runs the world
saves the changes first and performs the commands then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from . import graph, machine
from .changes import Changes
from .commands import Command
from .deadlines import Deadlines
from .errors import DependencyCycle, ShuttingDown, TaskExists, UnknownTask
from .events import Event, Interrupt, Start, Stop, Timeout, Unblocked
from .model import Now, Replica, ReplicaId, Run, Spec, State, Task, TaskType

NextFire = Callable[[Spec, float], float | None]
"""The next moment (wall seconds) later than the given one at which the spec's schedule fires."""


class World:
    """The one mutable thing of the core."""

    def __init__(self, next_fire: NextFire, next_run: int = 1) -> None:
        self.tasks: dict[str, Task] = {}
        self.replicas: dict[ReplicaId, Replica] = {}
        self.next_run = next_run
        self.halting = False
        self._next_fire = next_fire
        self._dependents: dict[str, set[str]] = defaultdict(set)
        self._waiting: dict[str, set[ReplicaId]] = defaultdict(set)
        self._deadlines: Deadlines[ReplicaId] = Deadlines()
        self._fires: Deadlines[str] = Deadlines()
        self._touched: set[str] = set()
        self._alive = 0
        self._changes = Changes()
        self._commands: list[Command] = []

    # Requests.

    def new_task(self, spec: Spec, now: Now) -> Task:
        """Return the task that `spec` would make.

        Raises TaskExists, DependencyCycle, ShuttingDown.
        """
        if self.halting:
            raise ShuttingDown("the service is stopping")
        if spec.name in self.tasks:
            raise TaskExists(f"a task named {spec.name!r} exists already", field="name")
        self._check_cycle(spec)
        return Task(spec, start_time=now.wall, next_fire=self._fire_after(spec, now.wall))

    def put(self, task: Task, now: Now) -> None:
        """Add a task and start it; a cron task waits for its first fire."""
        self._set_task(task)
        for dep in task.spec.dep_names:
            self._dependents[dep].add(task.spec.name)
        for id in task.ids:
            self._set_replica(Replica(id, since=now.wall))
        if not task.spec.is_scheduled:
            for id in task.ids:
                self.handle(Start(id), now)

    def restart(self, name: str, now: Now) -> None:
        """Stop what runs of the task, then start it; a cron task is armed anew instead."""
        task = self._startable(name)
        self._set_task(
            replace(
                task,
                start_time=now.wall,
                next_fire=self._fire_after(task.spec, now.wall),
            )
        )
        for id in task.ids:
            self.handle(Stop(id, "restarted"), now)
            if not task.spec.is_scheduled:
                self.handle(Start(id, "restart"), now)

    def remove(self, name: str, now: Now) -> None:
        """Stop the task; it is forgotten when nothing of it is left."""
        task = self.task(name)
        self._set_task(replace(task, removing=True, next_fire=None))
        for id in task.ids:
            self.handle(Stop(id, "removed"), now)

    def halt(self, now: Now) -> None:
        """Stop everything, dependents before what they depend on; what is wanted stays wanted."""
        self.halting = True
        self._touched.update(self.tasks)

    # Events.

    def handle(self, event: Event, now: Now) -> None:
        before = self.replicas.get(event.id)
        if before is None:
            return
        spec = self.tasks[event.id.task].spec
        after, commands = machine.step(before, spec, event, now)
        self._commands += commands
        if after is before:
            return
        self._set_replica(after)
        if after.run:
            self._note_run(before, after, now)

    def due(self, now: Now) -> None:
        """Deal with every deadline that has passed."""
        for id in self._deadlines.pop_due(now.mono):
            # Popped, it is no longer on the list: a state that keeps its deadline sets it again.
            self.handle(Timeout(id), now)
        for name in self._fires.pop_due(now.wall):
            self._fire(self.tasks[name], now)

    def next_deadlines(self) -> tuple[float | None, float | None]:
        """Return the earliest deadline on the monotonic and on the wall clock."""
        return self._deadlines.earliest(), self._fires.earliest()

    def settle(self, now: Now) -> None:
        """Draw all consequences of what was touched: start what may start, forget what is gone."""
        while self._touched:
            touched, self._touched = self._touched, set()
            for name in touched:
                self._forget_if_gone(name)
            if self.halting:
                self._halt_next(touched, now)
                continue
            for name in self._affected(touched):
                self._unblock(name, now)

    def take(self) -> tuple[Changes, list[Command]]:
        """Return what has changed and what is to be done, and begin anew."""
        taken = self._changes, self._commands
        self._changes, self._commands = Changes(), []
        return taken

    # Questions.

    @property
    def idle(self) -> bool:
        """Whether no process of any task is alive."""
        return self._alive == 0

    def task(self, name: str) -> Task:
        try:
            return self.tasks[name]
        except KeyError:
            raise UnknownTask(f"no task is named {name!r}", field="name") from None

    def replicas_of(self, name: str) -> list[Replica]:
        return [self.replicas[id] for id in self.tasks[name].ids]

    def blockers(self, name: str) -> list[str]:
        """Return the tasks that hold `name` up, nearest first."""
        return [dep for dep in graph.closure(self._deps_of, name) if not self._satisfied(dep)]

    # Restoring.

    def restore(self, task: Task, replicas: Iterable[Replica], now: Now, *, late: bool) -> None:
        """Take over a task as it was saved.

        A fire that was missed meanwhile is due now, once, if `late`; otherwise it is skipped.
        """
        if task.next_fire is not None and task.next_fire <= now.wall and not late:
            task = replace(task, next_fire=self._fire_after(task.spec, now.wall))
        self._set_task(task)
        for dep in task.spec.dep_names:
            self._dependents[dep].add(task.spec.name)
        known = {r.id: r for r in replicas}
        for id in task.ids:
            self._set_replica(known.get(id, Replica(id, since=now.wall)))

    # Inside.

    def _deps_of(self, name: str) -> Collection[str]:
        task = self.tasks.get(name)
        return task.spec.dep_names if task else ()

    def _dependents_of(self, name: str) -> Collection[str]:
        return self._dependents.get(name, ())

    def _check_cycle(self, spec: Spec) -> None:
        def edges(name: str) -> Collection[str]:
            return spec.dep_names if name == spec.name else self._deps_of(name)

        if way := graph.find_cycle(edges, spec.name):
            raise DependencyCycle(f"dependency cycle: {' -> '.join(way)}", field="deps")

    def _startable(self, name: str) -> Task:
        task = self.task(name)
        if self.halting:
            raise ShuttingDown("the service is stopping")
        if task.removing:
            raise UnknownTask(f"the task {name!r} is being removed", field="name")
        return task

    def _fire_after(self, spec: Spec, wall: float) -> float | None:
        return self._next_fire(spec, wall) if spec.is_scheduled else None

    def _satisfied(self, name: str) -> bool:
        """Whether a dependency on `name` holds nothing up."""
        if name not in self.tasks:
            return True
        replicas = self.replicas_of(name)
        if self.tasks[name].spec.type is TaskType.DAEMON:
            return all(r.state is State.UP and not r.asked for r in replicas)
        return not any(r.alive or r.state in (State.WAITING, State.BACKOFF) for r in replicas)

    def _fire(self, task: Task, now: Now) -> None:
        """Start a run of every replica, unless the previous fire's runs are not over."""
        task = replace(task, next_fire=self._fire_after(task.spec, now.wall))
        if any(r.alive or r.wanted for r in self.replicas_of(task.spec.name)):
            self._set_task(replace(task, skipped=task.skipped + 1))
            return
        self._set_task(task)
        for id in task.ids:
            self.handle(Start(id, "cron"), now)

    def _affected(self, touched: Iterable[str]) -> Iterator[str]:
        """Yield the tasks with waiting replicas that a change of `touched` may set free."""
        seen = set(touched)
        todo = list(seen)
        while todo:
            name = todo.pop()
            if self._waiting.get(name):
                yield name
            for dependent in self._dependents_of(name):
                if dependent not in seen:
                    seen.add(dependent)
                    todo.append(dependent)

    def _unblock(self, name: str, now: Now) -> None:
        waiting = self._waiting.get(name)
        if not waiting or self.blockers(name):
            return
        for id in sorted(waiting):
            run, self.next_run = self.next_run, self.next_run + 1
            self.handle(Unblocked(id, run), now)
        self._set_task(replace(self.tasks[name], last_time=now.wall))

    def _halt_next(self, touched: Iterable[str], now: Now) -> None:
        """Interrupt what nobody alive needs, of the touched tasks and all they depend on."""
        names = set(touched).union(*(graph.closure(self._deps_of, name) for name in touched))
        for name in names & self.tasks.keys():
            if any(self._is_alive(other) for other in graph.closure(self._dependents_of, name)):
                continue
            for r in self.replicas_of(name):
                if r.alive and not r.asked:
                    self.handle(Interrupt(r.id, "the service is stopping"), now)

    def _is_alive(self, name: str) -> bool:
        return name in self.tasks and any(r.alive for r in self.replicas_of(name))

    def _forget_if_gone(self, name: str) -> None:
        task = self.tasks.get(name)
        if task is None or not task.removing or self._is_alive(name):
            return
        for id in task.ids:
            self._drop_replica(id)
        del self.tasks[name]
        self._fires.set(name, None)
        for dep in task.spec.dep_names:
            self._dependents[dep].discard(name)
        self._waiting.pop(name, None)
        self._changes.merge(Changes(removed={name}))
        self._touched.update(self._dependents_of(name), task.spec.dep_names)

    def _set_task(self, task: Task) -> None:
        name = task.spec.name
        self.tasks[name] = task
        self._fires.set(name, task.next_fire)
        self._changes.tasks[name] = task
        self._touched.add(name)

    def _set_replica(self, r: Replica) -> None:
        before = self.replicas.get(r.id)
        self._alive += r.alive - (before is not None and before.alive)
        self.replicas[r.id] = r
        self._deadlines.set(r.id, r.deadline)
        if r.state is State.WAITING:
            self._waiting[r.id.task].add(r.id)
        elif before is not None and before.state is State.WAITING:
            self._waiting[r.id.task].discard(r.id)
        self._changes.replicas[r.id] = r
        self._touched.add(r.id.task)

    def _drop_replica(self, id: ReplicaId) -> None:
        del self.replicas[id]
        self._deadlines.set(id, None)

    def _note_run(self, before: Replica, after: Replica, now: Now) -> None:
        """Keep the history of the run that the step was about."""
        same = after.run == before.run and after.pid == before.pid and after.alive == before.alive
        if same or not (before.alive or after.alive):
            return
        seen = after.exit.at if after.exit is not None else None
        self._changes.runs[after.run] = Run(
            run=after.run,
            id=after.id,
            trigger=before.trigger,
            started=after.started or now.wall,
            pid=after.pid or before.pid,
            ended=None if after.alive else seen or now.wall,
            exit=None if after.alive else after.exit,
        )

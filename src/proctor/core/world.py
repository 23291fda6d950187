"""All tasks and replicas, and what follows from what happens to them.

`handle`, `due` and the requests change the world; `settle` then draws every consequence.  Commands
and changes pile up until `take`: whoever runs the world saves the changes first and performs the
commands then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from . import graph, machine, rolling, schedules
from .changes import Changes
from .checks import LINE, Checks
from .commands import Command, Probe, Signal
from .deps import Blocker, blocker, settled_blocker
from .errors import DependencyCycle, ShuttingDown, TaskExists, UnknownTask
from .events import Event, Interrupt, Probed, Start, Stop, Timeout, Unblocked
from .model import Exit, Note, Now, Replica, ReplicaId, Run, State, Task
from .register import Register
from .restart import succeeded
from .schedules import NextFire
from .spec import Check, CheckKind, Dep, Spec, Until
from .update import Plan, plan


class World:
    """The one mutable thing of the core.

    `pools` has the slots of each pool; a name that is not there has no bound.  `actor` is who is
    behind what happens next, for the notes.  `fatal` is set when an essential task has failed for
    good: how it ended.
    """

    def __init__(self, next_fire: NextFire, next_run: int = 1) -> None:
        self._book = Register()
        self.tasks: Mapping[str, Task] = self._book.tasks
        self.replicas: Mapping[ReplicaId, Replica] = self._book.replicas
        self.next_run = next_run
        self.halting = False
        self.pools: Mapping[str, int] = {}
        self.actor = ""
        self.fatal: Exit | None = None
        self.checks = Checks()
        self._next_fire = next_fire
        self._matched: dict[tuple[ReplicaId, str], int] = {}
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
        self.check_cycle(spec)
        return _armed(Task(spec, now.wall), schedules.first_fire(spec, now.wall, self._next_fire))

    def put(self, task: Task, now: Now) -> None:
        """Add a task and start it; a scheduled one waits for its first fire."""
        self._book.add(task)
        self._probe_deps(task.spec)
        for index in range(task.spec.replicas):
            self._book.set_replica(Replica(ReplicaId(task.spec.name, index), since=now.wall))
        self.note(now, "task.created", task.spec.name)
        if task.spec.enabled and not task.spec.is_scheduled:
            self.start(self.ids_of(task.spec.name), now, trigger="api")

    def update(self, spec: Spec, now: Now, *, roll: bool = False) -> Plan:
        """Make the task what `spec` says, touching no more of it than that takes.

        `roll`: restart a few replicas at a time, each when the one before is ready.
        Raises UnknownTask, DependencyCycle, ShuttingDown.
        """
        before = self.startable(spec.name)
        difference = plan(before.spec, spec)
        if not difference.changes:
            return difference
        self.check_cycle(spec)
        self._respecify(before, spec, now)
        changed = ", ".join(change.field for change in difference.changes)
        self.note(now, "task.updated", spec.name, reason=changed)
        if difference.restarts:
            running = [r.id for r in self.replicas_of(spec.name) if r.alive and r.wanted]
            if roll:
                self.roll(spec.name, now)
            else:
                self._handle_all((Interrupt(id, "updated") for id in running), now)
        return difference

    def start(self, ids: Sequence[ReplicaId], now: Now, *, trigger: str) -> None:
        """Have these replicas run, each if it does not yet."""
        self._startable_ids(ids)
        for name in {id.task for id in ids}:
            self._book.set_task(replace(self.tasks[name], start_time=now.wall))
        self._handle_all((Start(id, trigger) for id in ids), now)

    def stop(self, ids: Sequence[ReplicaId], now: Now, *, reason: str = "stopped") -> None:
        """Have these replicas not run."""
        for name in {id.task for id in ids}:
            self._book.set_task(replace(self.tasks[name], queued=0, rolling=(), rolled=()))
        self._handle_all((Stop(id, reason) for id in ids), now)

    def restart(self, ids: Sequence[ReplicaId], now: Now) -> None:
        """Stop what runs of these replicas, then start it."""
        self._startable_ids(ids)
        self.stop(ids, now, reason="restarted")
        self.start(ids, now, trigger="restart")

    def rearm(self, name: str, now: Now) -> None:
        """Stop what runs of a scheduled task; it waits for its next fire."""
        task = self.startable(name)
        self.stop(self.ids_of(name), now, reason="restarted")
        fire = schedules.first_fire(task.spec, now.wall, self._next_fire)
        self._book.set_task(replace(_armed(self.tasks[name], fire), start_time=now.wall))

    def roll(self, name: str, now: Now) -> None:
        """Restart the task's replicas, a few at a time, each when those before are ready."""
        self.startable(name)
        up = tuple(r.id.index for r in self.replicas_of(name) if r.alive and r.wanted)
        self._book.set_task(replace(self.tasks[name], rolling=up, rolled=()))

    def signal(self, ids: Sequence[ReplicaId], name: str) -> None:
        """Send a signal to the processes of those that run."""
        running = [self.replicas[id] for id in ids if self.replicas[id].pid is not None]
        self._commands += [Signal(r.id, r.run, name) for r in running]

    def remove(self, name: str, now: Now) -> None:
        """Stop the task; it is forgotten when nothing of it is left."""
        self.task(name)
        self.stop(self.ids_of(name), now, reason="removed")
        self._book.set_task(replace(_armed(self.tasks[name], None), removing=True))

    def halt(self, now: Now) -> None:
        """Stop everything, dependents before what they depend on; what is wanted stays wanted."""
        self.halting = True
        self._book.touched.update(self.tasks)

    # Events.

    def handle(self, event: Event, now: Now) -> None:
        before = self.replicas.get(event.id)
        if before is None:
            return
        spec = self.tasks[event.id.task].spec
        if isinstance(event, Probed):
            self._answered(event, before, spec, now)
            return
        after, commands = machine.step(before, spec, event, now)
        self._commands += commands
        if after is not before:
            self._book.set_replica(after)
            self._stepped(before, after, spec, now)

    def due(self, now: Now) -> None:
        """Deal with every deadline that has passed."""
        for id in self._book.deadlines.pop_due(now.mono):
            # Popped, it is no longer on the list: a state that keeps its deadline sets it again.
            self.handle(Timeout(id), now)
        for key in self.checks.pop_due(now):
            r = self.replicas[key[0]]
            spec = self.tasks[r.id.task].spec
            self._follow(*self.checks.ask(key, r, spec, now), now)
        for name in self._book.fires.pop_due(now.wall):
            self._fire(self.tasks[name], now)

    def next_deadlines(self) -> tuple[float | None, float | None]:
        """Return the earliest deadline on the monotonic and on the wall clock."""
        mono = [
            at for at in (self._book.deadlines.earliest(), self.checks.earliest()) if at is not None
        ]
        return min(mono, default=None), self._book.fires.earliest()

    def clock_was_set(self, now: Now) -> None:
        """The wall clock jumped: a schedule must not wait for a moment that came nearer."""
        for task in list(self.tasks.values()):
            if task.next_fire is not None and task.spec.schedule.at is None:
                fire = schedules.first_fire(task.spec, now.wall, self._next_fire)
                if fire is not None and fire.at < task.next_fire:
                    self._book.set_task(_armed(task, fire))

    def settle(self, now: Now) -> None:
        """Draw all consequences of what was touched: start what may start, forget what is gone."""
        while self._book.touched:
            touched, self._book.touched = self._book.touched, set()
            for name in touched & self.tasks.keys():
                self._tidy(name, now)
            if self.halting:
                self._halt_next(touched, now)
                continue
            self._unblock(self._affected(touched), now)

    def take(self) -> tuple[Changes, list[Command]]:
        """Return what has changed and what is to be done, and begin anew."""
        taken = self._book.changes, self._commands
        self._book.changes, self._commands = Changes(), []
        return taken

    # Questions.

    @property
    def idle(self) -> bool:
        """Whether no process of any task is alive."""
        return self._book.alive == 0

    def task(self, name: str) -> Task:
        try:
            return self.tasks[name]
        except KeyError:
            raise UnknownTask(f"no task is named {name!r}", field="name") from None

    def startable(self, name: str) -> Task:
        """Return the task if it may be started.  Raises UnknownTask, ShuttingDown."""
        task = self.task(name)
        if self.halting:
            raise ShuttingDown("the service is stopping")
        if task.removing:
            raise UnknownTask(f"the task {name!r} is being removed", field="name")
        return task

    def ids_of(self, name: str) -> list[ReplicaId]:
        """Return the replicas that are meant to be; surplus ones that still end are left out."""
        return self._book.ids_of(name)

    def replicas_of(self, name: str) -> list[Replica]:
        """Return all its replicas, those on their way out included."""
        return self._book.replicas_of(name)

    def blockers(self, name: str) -> list[Blocker]:
        """Return what holds `name` up, nearest first."""
        if self.halting:
            return [Blocker("the service", "is stopping")]
        found = [self._blocker(dep) for dep in self.tasks[name].spec.deps]
        for other in graph.closure(self._settled_deps_of, name):
            if other in self.tasks:
                found.append(
                    settled_blocker(other, self.tasks[other].spec, self.replicas_of(other))
                )
        return list(dict.fromkeys(b for b in found if b is not None))

    def deps_of(self, name: str) -> Collection[str]:
        return self._book.deps_of(name)

    def dependents_of(self, name: str) -> Collection[str]:
        return self._book.dependents_of(name)

    def check_cycle(self, spec: Spec) -> None:
        """Raise DependencyCycle if the spec would close one."""

        def edges(name: str) -> Collection[str]:
            return spec.dep_names if name == spec.name else self.deps_of(name)

        if way := graph.find_cycle(edges, spec.name):
            raise DependencyCycle(f"dependency cycle: {' -> '.join(way)}", field="deps")

    # Restoring.

    def restore(self, task: Task, replicas: Iterable[Replica], now: Now, *, late: bool) -> None:
        """Take over a task as it was saved, and make up for fires that were missed.

        `late`: only the manager was away.
        """
        count = schedules.missed(task, now.wall, self._next_fire, late=late)
        if count:
            task = replace(task, queued=task.queued + count - 1)
        elif task.next_fire is not None and task.next_fire <= now.wall:
            task = _armed(task, schedules.following_fire(task, now.wall, self._next_fire))
        self._book.add(task)
        known = {r.id: r for r in replicas}
        regular = {ReplicaId(task.spec.name, index) for index in range(task.spec.replicas)}
        for id in sorted(regular | known.keys()):
            r = known.get(id, Replica(id, since=now.wall))
            self._book.set_replica(r)
            if r.state is State.UP:
                self._commands += self.checks.begin(r, task.spec, now)
                self._commands += self._line_probes(r)

    # Inside: events.

    def note(
        self, now: Now, kind: str, task: str, r: Replica | None = None, reason: str = ""
    ) -> None:
        note = Note(now.wall, kind, task, reason=reason, actor=self.actor)
        if r is not None:
            note = replace(note, replica=r.id.index, run=r.run or None, pid=r.pid)
        self._book.changes.notes.append(note)

    def _handle_all(self, events: Iterable[Event], now: Now) -> None:
        for event in events:
            self.handle(event, now)

    def _stepped(self, before: Replica, after: Replica, spec: Spec, now: Now) -> None:
        """Draw the direct consequences of one replica's step."""
        if after.run:
            self._note_run(before, after, now)
        if after.state is not before.state:
            self.note(now, f"replica.{after.state}", after.id.task, after, after.reason)
            if after.state is State.UP:
                self._commands += self.checks.begin(after, spec, now)
                self._commands += self._line_probes(after)
            elif before.state is State.UP:
                self._commands += self.checks.end(before)
            if spec.essential and not after.pending and before.pending and not after.asked:
                self._essential_ended(after, spec, now)
        elif after.ready is not before.ready:
            kind = "replica.ready" if after.ready else "replica.unready"
            self.note(now, kind, after.id.task, after, after.reason)

    def _essential_ended(self, r: Replica, spec: Spec, now: Now) -> None:
        if self.fatal is None and r.exit is not None and not succeeded(spec, r.exit):
            self.fatal = r.exit
            self.note(now, "task.essential_failed", r.id.task, r, str(r.exit))

    def _answered(self, event: Probed, r: Replica, spec: Spec, now: Now) -> None:
        if event.name.startswith(LINE):
            if event.ok and event.run == r.run:
                self._matched[r.id, event.name.removeprefix(LINE)] = event.run
                self._book.touched.add(r.id.task)
            return
        self._follow(*self.checks.answered(event, r, spec, now), now)

    def _follow(self, commands: list[Command], events: list[Event], now: Now) -> None:
        self._commands += commands
        self._handle_all(events, now)

    def _fire(self, task: Task, now: Now) -> None:
        """Begin the runs that the schedule asks for, as the overlap policy has it."""
        name = task.spec.name
        decision = schedules.fired(task, self.replicas_of(name))
        self._book.set_task(_armed(task, schedules.following_fire(task, now.wall, self._next_fire)))
        match decision:
            case schedules.Begin(indices, restart):
                self._begin_fire(name, indices, restart, now)
            case schedules.Wait():
                self._book.set_task(replace(self.tasks[name], queued=task.queued + 1))
                self.note(now, "schedule.queued", name)
            case schedules.Skip():
                self._book.set_task(replace(self.tasks[name], skipped=task.skipped + 1))
                self.note(now, "schedule.skipped", name, reason="the run before goes on")

    def _begin_fire(self, name: str, indices: Iterable[int], restart: bool, now: Now) -> None:
        self.note(now, "schedule.fired", name)
        for index in indices:
            id = ReplicaId(name, index)
            if id not in self.replicas:
                self._book.set_replica(Replica(id, since=now.wall))
            if restart:
                self.handle(Stop(id, "replaced by the next run"), now)
            self.handle(Start(id, "cron"), now)

    # Inside: settling.

    def _tidy(self, name: str, now: Now) -> None:
        """Forget what is surplus or gone of one task; go on with what is queued or rolls."""
        task = self.tasks[name]
        for id in self._book.surplus(name):
            if not self.replicas[id].pending:
                self._book.drop_replica(id)
        pending = any(r.pending for r in self.replicas_of(name))
        if task.removing and not pending:
            self.note(now, "task.removed", name)
            self._book.forget(name)
        elif self.halting:
            return
        elif task.queued and not pending:
            self._book.set_task(replace(task, queued=task.queued - 1))
            self._begin_fire(name, range(task.spec.replicas), False, now)
        elif task.rolling or task.rolled:
            self._roll_on(task, now)

    def _roll_on(self, task: Task, now: Now) -> None:
        name = task.spec.name
        step = rolling.advance(task, self.replicas_of(name))
        if (step.rolling, step.rolled) != (task.rolling, task.rolled):
            self._book.set_task(replace(task, rolling=step.rolling, rolled=step.rolled))
        if step.aborted:
            self.note(now, "task.roll_aborted", name, reason=step.aborted)
        for index in step.interrupt:
            self.handle(Interrupt(ReplicaId(name, index), "rolling restart"), now)

    def _affected(self, touched: Iterable[str]) -> Iterator[str]:
        """Yield the tasks with waiting replicas that a change of `touched` may set free."""
        seen = set(touched)
        todo = list(seen)
        while todo:
            name = todo.pop()
            if self._book.waiting.get(name):
                yield name
            for dependent in self.dependents_of(name):
                if dependent not in seen:
                    seen.add(dependent)
                    todo.append(dependent)

    def _unblock(self, names: Iterable[str], now: Now) -> None:
        """Begin what nothing holds up; of those that want a pool's slot, by priority."""
        free = [name for name in names if not self.blockers(name)]
        free.sort(key=lambda name: (-self.tasks[name].spec.priority, self.tasks[name].start_time))
        for name in free:
            task = self.tasks[name]
            for id in sorted(self._book.waiting[name]):
                if not self._has_slot(task.spec.pool):
                    break
                run, self.next_run = self.next_run, self.next_run + 1
                self.handle(Unblocked(id, run), now)
                self._book.set_task(replace(self.tasks[name], last_time=now.wall))

    def _has_slot(self, pool: str | None) -> bool:
        if pool is None or pool not in self.pools:
            return True
        return len(self._book.in_pool[pool]) < self.pools[pool]

    def _halt_next(self, touched: Iterable[str], now: Now) -> None:
        """Interrupt what nobody alive needs, of the touched tasks and all they depend on."""
        names = set(touched).union(*(graph.closure(self.deps_of, name) for name in touched))
        for name in names & self.tasks.keys():
            if any(self._book.is_alive(other) for other in graph.closure(self.dependents_of, name)):
                continue
            for r in self.replicas_of(name):
                if r.alive and not r.asked:
                    self.handle(Interrupt(r.id, "the service is stopping"), now)

    def _blocker(self, dep: Dep) -> Blocker | None:
        task = self.tasks.get(dep.task)
        replicas = self.replicas_of(dep.task)
        matched = dep.pattern is not None and any(
            self._matched.get((r.id, dep.pattern)) == r.run for r in replicas
        )
        return blocker(dep, task.spec if task else None, replicas, matched=matched)

    def _settled_deps_of(self, name: str) -> Collection[str]:
        task = self.tasks.get(name)
        return [d.task for d in task.spec.deps if d.until is Until.SETTLED] if task else ()

    def _line_probes(self, r: Replica) -> list[Command]:
        """Return the probes for the lines that dependents of a replica that is up wait for."""
        spec = self.tasks[r.id.task].spec
        patterns = {
            dep.pattern
            for name in self.dependents_of(r.id.task)
            if name in self.tasks
            for dep in self.tasks[name].spec.deps
            if dep.task == r.id.task and dep.pattern is not None
        }
        return [
            Probe(r.id, r.run, LINE + pattern, Check(CheckKind.LOG_LINE, pattern), spec)
            for pattern in sorted(patterns)
            if self._matched.get((r.id, pattern)) != r.run
        ]

    def _startable_ids(self, ids: Iterable[ReplicaId]) -> None:
        for name in {id.task for id in ids}:
            self.startable(name)

    def _respecify(self, before: Task, spec: Spec, now: Now) -> None:
        """Give the task its new spec, and as many replicas as that says."""
        name = spec.name
        task = replace(before, spec=spec)
        if (spec.schedule, spec.enabled) != (before.spec.schedule, before.spec.enabled):
            task = _armed(task, schedules.first_fire(spec, now.wall, self._next_fire))
        self._book.respecify(task)
        self._probe_deps(spec)
        running = any(r.wanted for r in self.replicas_of(name))
        for id in self._book.surplus(name):
            self.handle(Stop(id, "scaled down"), now)
        for index in range(spec.replicas):
            id = ReplicaId(name, index)
            if id not in self.replicas:
                self._book.set_replica(Replica(id, since=now.wall))
                if running:
                    self.handle(Start(id, "scale"), now)

    def _probe_deps(self, spec: Spec) -> None:
        """Look for the lines that the spec waits for in tasks that are up already."""
        for dep in spec.deps:
            if dep.until is Until.LOG_LINE:
                for r in self.replicas_of(dep.task):
                    if r.state is State.UP:
                        self._commands += self._line_probes(r)

    def _note_run(self, before: Replica, after: Replica, now: Now) -> None:
        """Keep the history of the run that the step was about."""
        same = after.run == before.run and after.pid == before.pid and after.alive == before.alive
        if same or not (before.alive or after.alive):
            return
        seen = after.exit.at if after.exit is not None else None
        self._book.changes.runs[after.run] = Run(
            run=after.run,
            id=after.id,
            trigger=before.trigger,
            started=after.started or now.wall,
            pid=after.pid or before.pid,
            ended=None if after.alive else seen or now.wall,
            exit=None if after.alive else after.exit,
            attempt=before.restarts + 1,
        )


def _armed(task: Task, fire: schedules.Fire | None) -> Task:
    if fire is None:
        return replace(task, next_fire=None, nominal=None)
    return replace(task, next_fire=fire.at, nominal=fire.nominal)

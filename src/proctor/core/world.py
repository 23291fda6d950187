"""All tasks and replicas, and what follows from what happens to them.

`handle`, `due` and the requests change the world; `settle` then draws every consequence.  Commands
and changes pile up until `take`: whoever runs the world saves the changes first and performs the
commands then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from . import changing, firing, graph, restoring, running, schedules, updating
from .changes import Changes
from .checks import Verdict
from .commands import Command, Signal
from .deps import Blocker
from .errors import DependencyCycle, ShuttingDown, TaskExists, UnknownTask
from .events import Event
from .model import Exit, Now, Replica, ReplicaId, Task
from .register import Register
from .schedules import NextFire
from .settling import Settling
from .spec import Spec
from .stepper import Stepper
from .update import Plan, plan
from .watching import affected

CLOCK_SLACK = 0.5
"""Seconds by which the wall clock may go back before that is called setting it."""


class World:
    """The one mutable thing of the core, and the door to it."""

    def __init__(self, next_fire: NextFire, next_run: int = 1) -> None:
        self._book = Register()
        self._stepper = Stepper(self._book, next_run)
        self._settling = Settling(self._stepper)
        self._next_fire = next_fire
        self._offset: float | None = None
        self.tasks: Mapping[str, Task] = self._book.tasks
        self.replicas: Mapping[ReplicaId, Replica] = self._book.replicas

    # Requests.

    def new_task(self, spec: Spec, now: Now, *, source: str | None = None) -> Task:
        """Return the task that `spec` would make; `source`: the file that says so.

        Raises TaskExists, DependencyCycle, BadSchedule, ShuttingDown.
        """
        if self.halting:
            raise ShuttingDown("the service is stopping")
        if spec.name in self.tasks:
            raise TaskExists(f"a task named {spec.name!r} exists already", field="name")
        self._check_cycle(spec)
        schedules.check_open(spec, now.wall, self._next_fire)
        fire = schedules.first_fire(spec, now.wall, self._next_fire)
        task = Task(spec, now.wall, first_run=self.next_run)
        return firing.armed(changing.from_file(task, source, now), fire)

    def put(self, task: Task, now: Now) -> None:
        """Add a task and start it; a scheduled one waits for its first fire."""
        self._book.add(task)
        self._stepper.look_for_lines_of(task.spec)
        for index in range(task.spec.replicas):
            self._book.set_replica(Replica(ReplicaId(task.spec.name, index), since=now.wall))
        self._stepper.note(now, "task.created", task.spec.name)
        if task.spec.starts_by_itself:
            self.start(self.ids_of(task.spec.name), now, trigger="api")

    def changed_task(
        self, spec: Spec, now: Now, *, roll: bool = False, source: str | None = None
    ) -> Task:
        """Return what `update` would make of the task.

        Saved, it is enough: a world that restores it goes through with the update.
        Raises UnknownTask, DependencyCycle, BadSchedule, ShuttingDown.
        """
        before = self.startable(spec.name)
        self._check_cycle(spec)
        schedules.check_open(spec, now.wall, self._next_fire)
        replicas = self.replicas_of(spec.name)
        task = changing.changed(before, spec, replicas, now, self._next_fire, roll=roll)
        return changing.from_file(task, source, now)

    def update(
        self, spec: Spec, now: Now, *, roll: bool = False, source: str | None = None
    ) -> Plan:
        """Make the task what `spec` says, touching no more of it than that takes.

        `roll`: restart a few replicas at a time, each when the one before is ready.
        `source`: the file that says so.
        Raises UnknownTask, DependencyCycle, ShuttingDown.
        """
        before = self.startable(spec.name)
        difference = plan(before.spec, spec)
        if not difference.changes and source is None:
            return difference
        task = self.changed_task(spec, now, roll=roll, source=source)
        self._book.respecify(task)
        fields = changing.fields_changed(before, task, difference)
        if fields:
            self._stepper.note(now, "task.updated", spec.name, reason=", ".join(fields))
        updating.apply(self._stepper, before.spec, spec, difference, now)
        return difference

    def start(
        self, ids: Sequence[ReplicaId], now: Now, *, trigger: str, needs: bool = False
    ) -> list[ReplicaId]:
        """Have these replicas run, each if it does not yet.

        `needs`: start what they are waiting for, too.  Return all that are to run.
        """
        self._check_startable(ids)
        running.start(self._stepper, ids, trigger, now)
        if not needs:
            return list(ids)
        return [*ids, *running.start_needed(self._stepper, self._settling.blocking, ids, now)]

    def run(self, name: str, now: Now, *, trigger: str = "run") -> schedules.Decision:
        """Have the task run once, now, as if its schedule had fired.

        The answer says what that comes to; of what is to be skipped nothing is kept.
        """
        self.startable(name)
        return running.run_once(self._stepper, name, trigger, now)

    def stop(self, ids: Sequence[ReplicaId], now: Now) -> None:
        """Have these replicas not run; of several tasks a dependent ends before what it needs."""
        running.stop_in_turn(self._stepper, ids, now)

    def restart(
        self,
        ids: Sequence[ReplicaId],
        now: Now,
        *,
        reason: str = "restarted",
        trigger: str = "restart",
    ) -> None:
        """Stop what runs of these replicas, then start it."""
        self._check_startable(ids)
        running.stop(self._stepper, ids, reason, now)
        running.start(self._stepper, ids, trigger, now)

    def files_changed(self, name: str, reason: str, now: Now) -> list[ReplicaId]:
        """Start again what a change of the task's files concerns, and return it.

        That is the task, and with `cascade` what depends on it; a scheduled one waits for its fire.
        """
        self.startable(name)
        ids = affected(self._book, name)
        self.restart(ids, now, reason=reason, trigger="watch")
        return ids

    def rearm(self, name: str, now: Now) -> None:
        """Stop what runs of a scheduled task; it waits for its next fire."""
        fire = schedules.first_fire(self.startable(name).spec, now.wall, self._next_fire)
        running.rearm(self._stepper, name, fire, now)

    def roll(self, name: str, now: Now) -> None:
        """Restart the task's replicas, a few at a time, each when those before are ready."""
        self.startable(name)
        running.roll(self._stepper, name, now)

    def signal(self, ids: Sequence[ReplicaId], name: str) -> None:
        """Send a signal to the processes of those that run."""
        running = [self.replicas[id] for id in ids if self.replicas[id].pid is not None]
        self._stepper.commands += [Signal(r.id, r.run, name) for r in running]

    def remove(self, name: str, now: Now) -> None:
        """Stop the task, in its turn if it has one; it is forgotten when nothing of it is left."""
        self.task(name)
        running.remove(self._stepper, name, now)

    def halt(self, now: Now) -> None:
        """Stop everything, dependents before what they depend on; what is wanted stays wanted."""
        self._settling.halt(now)

    # Events.

    def handle(self, event: Event, now: Now) -> None:
        self._stepper.handle(event, now)

    def rebooted(self, now: Now) -> None:
        """The machine was started anew since the world was saved."""
        restoring.rebooted(self._stepper, now)

    def due(self, now: Now) -> None:
        """Deal with every deadline that has passed."""
        self._stepper.due(now)
        self.clock_was_set(now)
        while not self.halting and (names := self._book.fires.pop_due(now.wall)):
            for name in names:
                firing.fire(self._stepper, name, self._next_fire, now)

    def next_deadlines(self) -> tuple[float | None, float | None]:
        """Return the earliest deadline on the monotonic and on the wall clock."""
        book = self._book
        both = (book.deadlines.earliest(), book.looks.earliest(), self._stepper.checks.earliest())
        mono = min((at for at in both if at is not None), default=None)
        return mono, None if self.halting else self._book.fires.earliest()

    def clock_was_set(self, now: Now) -> None:
        """See whether it was set back: a schedule must not wait for a moment that came nearer."""
        before, self._offset = self._offset, now.wall - now.mono
        if before is None or self._offset >= before - CLOCK_SLACK:
            return
        for task in list(self.tasks.values()):
            if task.next_fire is not None and task.spec.schedule.at is None:
                fire = schedules.first_fire(task.spec, now.wall, self._next_fire)
                if fire is not None and fire.at < task.next_fire:
                    self._book.set_task(firing.armed(task, fire))

    def settle(self, now: Now) -> None:
        """Draw all consequences of what was touched: start what may start, forget what is gone."""
        self._settling.settle(now)

    def take(self) -> tuple[Changes, list[Command]]:
        """Return what has changed and what is to be done, and begin anew."""
        taken = self._book.changes, self._stepper.commands
        self._book.changes, self._stepper.commands = Changes(), []
        return taken

    def restore(self, task: Task, replicas: Iterable[Replica], now: Now, *, late: bool) -> None:
        """Take over a task as it was saved, and make up for fires that were missed.

        `late`: only the manager was away.
        """
        restoring.restore(self._stepper, task, replicas, self._next_fire, now, late=late)

    # Questions.

    @property
    def next_run(self) -> int:
        """The id of the next run."""
        return self._stepper.next_run

    @next_run.setter
    def next_run(self, run: int) -> None:
        self._stepper.next_run = run

    @property
    def actor(self) -> str:
        """Who is behind what happens next, for the notes."""
        return self._stepper.actor

    @actor.setter
    def actor(self, actor: str) -> None:
        self._stepper.actor = actor

    @property
    def pools(self) -> Mapping[str, int]:
        """The slots of each pool; a name that is not there has no bound."""
        return self._settling.pools.slots

    @pools.setter
    def pools(self, slots: Mapping[str, int]) -> None:
        self._book.freed.update(dict.fromkeys([*self.pools, *slots]))
        self._settling.pools.slots = slots

    @property
    def fatal(self) -> Exit | None:
        """How an essential task has ended, if one has failed for good."""
        return self._stepper.fatal

    @property
    def verdicts(self) -> Mapping[tuple[ReplicaId, str], Verdict]:
        """What each check of each replica that is up has said so far, by the check's name."""
        return self._stepper.checks.verdicts

    @property
    def halting(self) -> bool:
        return self._settling.halting

    @property
    def idle(self) -> bool:
        """Whether no process of any task is alive."""
        return self._book.all_alive == 0

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

    def spec_of(self, r: Replica) -> Spec:
        """Return the spec that holds for a replica: a run goes on by the one it began with."""
        return self._book.spec_of(r)

    def blockers(self, name: str) -> list[Blocker]:
        """Return what holds `name` up, nearest first."""
        return self._settling.blockers(name)

    def deps_of(self, name: str) -> Collection[str]:
        return self._book.deps_of(name)

    def dependents_of(self, name: str) -> Collection[str]:
        return self._book.dependents_of(name)

    # Inside.

    def _check_startable(self, ids: Iterable[ReplicaId]) -> None:
        for name in dict.fromkeys(id.task for id in ids):
            self.startable(name)

    def _check_cycle(self, spec: Spec) -> None:
        """Raise DependencyCycle if the spec would close one."""
        if not self.dependents_of(spec.name) and spec.name not in spec.dep_names:
            return  # No way leads back.

        def edges(name: str) -> Collection[str]:
            return spec.dep_names if name == spec.name else self.deps_of(name)

        if way := graph.find_cycle(edges, spec.name):
            raise DependencyCycle(f"dependency cycle: {' -> '.join(way)}", field="deps")

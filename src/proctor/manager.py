"""The shell's heart: what happens goes into the world, what follows is saved, then performed.

Rule 1: this is the only writer of the world, and everything here that writes is synchronous.
Rule 2: saved before performed, so that a manager that dies in between knows what it may have done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec.structs import replace

from .clock import Clock, WallTimer
from .core import views
from .core.changes import Changes
from .core.errors import UnknownTask
from .core.events import Event, Interrupt, Timeout
from .core.hosts import is_internal, with_host
from .core.model import Exit, Now, ReplicaId, State
from .core.schedules import Decision
from .core.spec import Spec
from .core.update import Plan, plan
from .core.world import World
from .engine.base import Engine, KnownRun
from .history import History, Retention
from .records import SAVE_AGAIN, Records, log_run
from .scripts.command import host_command
from .scripts.hosts import Hosts
from .store.store import Saved, Store
from .waiting import Waiting

Result = Literal["created", "updated", "unchanged"]


class Manager:
    """Runs the world: takes requests and news, one at a time, and has the rest done by others.

    The requests raise what the world raises (UnknownTask, DependencyCycle ...), and StorageFailed
    when what was asked could not be saved; then nothing was changed.  `actor` says who asks.

    `reserve(spec)` takes what a task needs before it is accepted, and raises what is wrong with it;
    `on_changes(changes)` hears of what is different, once it is saved and under way.
    """

    def __init__(
        self,
        world: World,
        store: Store,
        engine: Engine,
        clock: Clock,
        *,
        retention: Retention | None = None,
        reserve: Callable[[Spec], None] = lambda spec: None,
        on_changes: Callable[[Changes], None] = lambda changes: None,
        on_fatal: Callable[[Exit], None] = lambda exit: None,
    ) -> None:
        self.world = world
        self.store = store
        self.history = History(store, retention or Retention())
        self.records = Records(store, self.history, engine.acknowledge)
        self.version = 0
        self._engine = engine
        self._clock = clock
        self._reserve = reserve
        self._on_changes = on_changes
        self._on_fatal = on_fatal
        self._hosts = Hosts(world, host_command)
        self._waiting = Waiting()
        self._timer: asyncio.TimerHandle | None = None
        self._wall_timer = WallTimer(self._on_wall_due)

    async def open(self, saved: Saved, boot: str, *, late: bool) -> None:
        """Take up what was saved, learn the truth about it from the engine, and go on.

        `late`: only the manager was away, so fires missed meanwhile are made up for.
        """
        now = self._clock.now()
        self.world.actor = "service"
        self.world.next_run = max(self.world.next_run, saved.next_run)
        specs = {task.spec.name: task.spec for task, _ in saved.tasks}
        for task, replicas in saved.tasks:
            self.world.restore(self._hosts.renewed(task, specs), replicas, now, late=late)
        self._hosts.restored(now)
        if saved.boot != boot:
            self.world.rebooted(now)
            self.store.set_meta("boot", boot)
        alive = [r for r in self.world.replicas.values() if r.alive]
        known = [KnownRun(r.id, r.run, r.pid, r.ticks) for r in alive]
        await self._engine.open(known, self.dispatch)
        self._turn(self._clock.now())

    # Requests.

    def submit(self, spec: Spec, *, source: str | None = None, actor: str = "api") -> None:
        """Add a task and start it.  Raises TaskExists, DependencyCycle, ShuttingDown."""
        now = self._now(actor)
        task = self.world.new_task(with_host(spec), now, source=source)
        self._reserve(spec)
        self.records.save_first(task)
        self._hosts.need(spec, now)
        self.world.put(task, now)
        self._turn(now)

    def put(
        self, spec: Spec, *, roll: bool = False, source: str | None = None, actor: str = "api"
    ) -> Result:
        """Make the task exist as `spec` says, touching no more of it than that takes.

        `source` is the file that says so; None: the task remembers the one it came from before.
        """
        if spec.name not in self.world.tasks:
            self.submit(spec, source=source, actor=actor)
            return "created"
        now = self._now(actor)
        spec = with_host(spec)
        before = self.world.startable(spec.name)
        differs = bool(plan(before.spec, spec).changes)
        if not differs and source is None:
            return "unchanged"
        changed = self.world.changed_task(spec, now, roll=roll, source=source)
        self._reserve(spec)
        self.records.save_first(changed)
        self._hosts.need(spec, now)
        self.world.update(spec, now, roll=roll, source=source)
        self._turn(now)
        return "updated" if differs else "unchanged"

    def plan(self, spec: Spec) -> Plan | None:
        """Say what `put` would do; None: create the task.  Raises what `put` would."""
        spec, now = with_host(spec), self._clock.now()
        if spec.name not in self.world.tasks:
            self.world.new_task(spec, now)
            return None
        self.world.changed_task(spec, now)
        return plan(self.world.startable(spec.name).spec, spec)

    def start(
        self,
        ids: Sequence[ReplicaId],
        *,
        trigger: str = "start",
        needs: bool = False,
        actor: str = "api",
    ) -> list[ReplicaId]:
        """Have these run; `needs`: and what they wait for and what would not start by itself.

        Return all that are to run.
        """
        now = self._now(actor)
        self._promise(*{id.task for id in ids})
        started = self.world.start(ids, now, trigger=trigger, needs=needs)
        self._turn(now)
        return started

    def run(self, name: str, *, actor: str = "api") -> Decision:
        """Have the task run once, now, as if its schedule had fired; return what that comes to."""
        now = self._now(actor)
        _check_theirs(name)
        self._promise(name)
        decision = self.world.run(name, now)
        self._turn(now)
        return decision

    def stop(self, ids: Sequence[ReplicaId], *, actor: str = "api") -> None:
        now = self._now(actor)
        self.world.stop(ids, now)
        self._turn(now)

    def restart(self, name: str, *, actor: str = "api") -> None:
        """Stop what runs of the task, then start it; a scheduled one waits for its next fire."""
        now = self._now(actor)
        _check_theirs(name)
        self._promise(name)
        if self.world.startable(name).spec.is_scheduled:
            self.world.rearm(name, now)
        else:
            self.world.restart(self.world.ids_of(name), now)
        self._turn(now)

    def restart_replicas(self, ids: Sequence[ReplicaId], *, actor: str = "api") -> None:
        now = self._now(actor)
        self._promise(*{id.task for id in ids})
        self.world.restart(ids, now)
        self._turn(now)

    def files_changed(self, name: str, paths: Sequence[str]) -> None:
        """Start again what a change of the task's files concerns."""
        now = self._now("watch")
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        self.world.files_changed(name, f"changed: {paths[0]}{more}", now)
        self._turn(now)

    def roll(self, name: str, *, actor: str = "api") -> None:
        """Restart the task's replicas a few at a time, each when those before are ready."""
        now = self._now(actor)
        _check_theirs(name)
        self._promise(name)
        self.world.roll(name, now)
        self._turn(now)

    def signal(self, ids: Sequence[ReplicaId], name: str, *, actor: str = "api") -> None:
        """Send a signal ("HUP") to the processes of those that run."""
        now = self._now(actor)
        self.world.signal(ids, name)
        self._turn(now)

    def remove(self, name: str, *, actor: str = "api") -> None:
        """Begin to stop and forget a task."""
        now = self._now(actor)
        _check_theirs(name)
        self.records.save_first(replace(self.world.task(name), removing=True, next_fire=None))
        self.world.remove(name, now)
        self._turn(now)

    async def wait_removed(self, name: str) -> None:
        """Return when no task of that name is left, or another one has taken its place."""
        if (task := self.world.tasks.get(name)) is None:
            return

        def gone() -> bool:
            now = self.world.tasks.get(name)
            return now is None or (now.start_time != task.start_time and not now.removing)

        await self.until([name], gone)

    async def halt(self, *, at_once: bool = False) -> None:
        """Stop everything, dependents first, and return when nothing is alive."""
        now = self._now("service")
        self.world.halt(now)
        self._turn(now)
        if at_once:
            self.kill_all()
        await self.until([""], lambda: self.world.idle)

    def kill_all(self) -> None:
        """Let nothing wait for its stop timeout any more."""
        now = self._now("service")
        for id in [r.id for r in self.world.replicas.values() if r.alive]:
            self.world.handle(Interrupt(id, "killed: the service was told to end at once"), now)
            # Each timeout is one step of the way to SIGKILL.
            while self.world.replicas[id].state is State.STOPPING:
                self.world.handle(Timeout(id), now)
        self._turn(now)

    def close(self) -> None:
        """Let go of the timers."""
        if self._timer is not None:
            self._timer.cancel()
        self._wall_timer.close()

    # Questions.

    def now(self) -> Now:
        return self._clock.now()

    def listing(self) -> views.Listing:
        return views.listing(self.world)

    def has_task(self, name: str) -> bool:
        return name in self.world.tasks and not is_internal(name)

    def first_run(self, name: str) -> int:
        """Return the first run of the task; earlier ones were another's of the same name."""
        return self.world.task(name).first_run

    async def until(self, names: Iterable[str], holds: Callable[[], bool]) -> None:
        """Wait until `holds()`, asked again whenever one of the tasks (any, for "") has changed."""
        await self._waiting.until(names, holds)

    # News.

    def dispatch(self, events: Sequence[Event]) -> None:
        """Take in what happened, in the order it happened."""
        now = self._now("policy")
        for event in events:
            self.world.handle(event, now)
        self._turn(now)

    # Inside.

    def _promise(self, *names: str) -> None:
        """Begin no run that could not be put on record: the next manager would end it.

        Raises StorageFailed.  To stop has to be possible all the same.
        """
        self.records.save_first(*map(self.world.task, names))

    def _now(self, actor: str) -> Now:
        self.world.actor = actor
        return self._clock.now()

    def _on_due(self) -> None:
        self._timer = None
        now = self._now("policy")
        self.world.due(now)
        self.records.save_again(now.wall)
        self._turn(now)

    def _on_wall_due(self) -> None:
        """The moment has come, or somebody has set the clock."""
        now = self._now("schedule")
        self.world.due(now)
        self._turn(now)

    def _turn(self, now: Now) -> None:
        """Draw the consequences of what was just put into the world."""
        self.world.settle(now)
        changes, commands = self.world.take()
        if self._hosts.tend(changes, now):
            self.world.settle(now)
            more, further = self.world.take()
            changes.merge(more)
            commands += further
        if changes:
            self.records.save(changes, now.wall)
        if commands:
            self._engine.perform(commands)
        if changes:
            self.version += 1
            self._tell(changes)
            self._on_changes(changes)
        self._arm()
        if self.world.fatal is not None and not self.world.halting:
            self._on_fatal(self.world.fatal)

    def _tell(self, changes: Changes) -> None:
        """Log what began and ended, and wake who waits for it."""
        for run in changes.runs.values():
            log_run(run)
        names = {id.task for id in changes.replicas} | changes.tasks.keys() | changes.removed
        self._waiting.wake(names)

    def _arm(self) -> None:
        mono, wall = self.world.next_deadlines()
        if self.records.failing:
            again = self._clock.now().mono + SAVE_AGAIN
            mono = again if mono is None else min(mono, again)
        if self._timer is None or self._timer.when() != mono:
            if self._timer is not None:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._timer = None if mono is None else loop.call_at(mono, self._on_due)
        self._wall_timer.arm(wall)


def _check_theirs(name: str) -> None:
    if is_internal(name):  # A task of our own, which nobody else knows of.
        raise UnknownTask(f"no task is named {name!r}", field="name")

"""The shell's heart: what happens goes into the world, what follows is saved, then performed.

Rule 1: this is the only writer of the world, and everything here that writes is synchronous.
Rule 2: saved before performed, so that a manager that dies in between knows what it may have done.
Rule 3: an end is acknowledged to the engine when it is on record and its output is on file.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from .clock import Clock, WallTimer
from .core import views
from .core.changes import Changes
from .core.errors import StorageFailed
from .core.events import Event, Exited, Interrupt, Start, Timeout
from .core.model import Exit, Now, Run, Spec, State
from .core.world import World
from .engine.base import Engine, KnownRun
from .log import get_logger
from .store.store import Saved, Store

log = get_logger("manager")

SAVE_AGAIN = 1.0
"""Seconds until a save that failed is tried again."""

REBOOTED = Exit(error="lost: the machine was restarted")


class Manager:
    """Runs the world: takes requests and news, one at a time, and has the rest done by others."""

    def __init__(self, world: World, store: Store, engine: Engine, clock: Clock) -> None:
        self.world = world
        self.version = 0
        self._store = store
        self._engine = engine
        self._clock = clock
        self._unsaved = Changes()
        self._save_failed = False
        self._undrained: set[int] = set()
        self._ended: set[int] = set()
        self._watchers: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._wall_timer = WallTimer(self._on_due)

    async def open(self, saved: Saved, boot: str, *, late: bool) -> None:
        """Take up what was saved, learn the truth about it from the engine, and go on.

        `late`: only the manager was away, so fires missed meanwhile are made up for.
        """
        now = self._clock.now()
        for task, replicas in saved.tasks:
            self.world.restore(task, replicas, now, late=late)
        if saved.boot != boot:
            self._rebooted(now)
            self._store.set_boot(boot)
        alive = [r for r in self.world.replicas.values() if r.alive]
        known = [KnownRun(r.id, r.run, r.pid, r.ticks) for r in alive]
        await self._engine.open(known, self.dispatch)
        self._turn(self._clock.now())

    # Requests.

    def submit(self, spec: Spec) -> None:
        """Add a task and start it.  Raises TaskExists, DependencyCycle ..., StorageFailed."""
        now = self._clock.now()
        task = self.world.new_task(spec, now)
        self._store.save(Changes(tasks={spec.name: task}), durable=True)
        self.world.put(task, now)
        self._turn(now)

    def restart(self, name: str) -> None:
        """Stop what runs of the task, then start it.  Raises UnknownTask, ShuttingDown."""
        now = self._clock.now()
        self.world.restart(name, now)
        self._turn(now, durable=True)

    def remove(self, name: str) -> None:
        """Begin to stop and forget a task.  Raises UnknownTask, StorageFailed."""
        now = self._clock.now()
        task = replace(self.world.task(name), removing=True, next_fire=None)
        self._store.save(Changes(tasks={name: task}), durable=True)
        self.world.remove(name, now)
        self._turn(now)

    async def wait_removed(self, name: str) -> None:
        """Return when no task of that name is left, or another one has taken its place."""
        task = self.world.tasks.get(name)
        if task is not None:
            born = task.start_time
            await self._until(name, lambda: _gone(self.world, name, born))

    async def halt(self) -> None:
        """Stop everything, dependents first, and return when nothing is alive."""
        now = self._clock.now()
        self.world.halt(now)
        self._turn(now)
        await self._until("", lambda: self.world.idle)

    def kill_all(self) -> None:
        """Let nothing wait for its stop timeout any more."""
        now = self._clock.now()
        for id in [r.id for r in self.world.replicas.values() if r.alive]:
            self.world.handle(Interrupt(id, "killed: the service was told to end at once"), now)
            if self.world.replicas[id].state is State.STOPPING:
                self.world.handle(Timeout(id), now)
        self._turn(now)

    def close(self) -> None:
        """Let go of the timers."""
        if self._timer is not None:
            self._timer.cancel()
        self._wall_timer.close()

    # Questions.

    def listing(self) -> views.Listing:
        return views.listing(self.world)

    def has_task(self, name: str) -> bool:
        return name in self.world.tasks

    # News.

    def dispatch(self, events: Sequence[Event]) -> None:
        """Take in what happened, in the order it happened."""
        now = self._clock.now()
        for event in events:
            self.world.handle(event, now)
        self._turn(now)

    def output_opened(self, run: int) -> None:
        """Somebody reads the output of this run now; `output_drained` follows."""
        self._undrained.add(run)

    def output_drained(self, run: int) -> None:
        """All the run ever wrote is on file."""
        self._undrained.discard(run)
        if run in self._ended:
            self._ended.discard(run)
            self._engine.acknowledge([run])

    # Inside.

    def _rebooted(self, now: Now) -> None:
        """Nothing of what was alive is; deadlines of the old clock mean nothing."""
        for r in list(self.world.replicas.values()):
            if r.alive:
                self.world.handle(Exited(r.id, r.run, REBOOTED), now)
            elif r.state is State.BACKOFF:
                self.world.handle(Timeout(r.id), now)
        for task in list(self.world.tasks.values()):
            if (task.spec.schedule.cron or "").strip().lower() == "@reboot":
                for id in task.ids:
                    self.world.handle(Start(id, "reboot"), now)

    def _on_due(self) -> None:
        self._timer = None
        now = self._clock.now()
        self.world.due(now)
        if self._unsaved:
            self._save(Changes(), durable=False)
        self._turn(now)

    def _turn(self, now: Now, *, durable: bool = False) -> None:
        """Draw the consequences of what was just put into the world."""
        self.world.settle(now)
        changes, commands = self.world.take()
        if changes:
            self._save(changes, durable=durable)
        if commands:
            self._engine.perform(commands)
        if changes:
            self.version += 1
            self._tell(changes)
        self._arm()

    def _save(self, changes: Changes, *, durable: bool) -> None:
        """Save, or keep for later: a full disk must not keep tasks from running."""
        self._unsaved.merge(changes)
        try:
            self._store.save(self._unsaved, next_run=self.world.next_run, durable=durable)
        except StorageFailed as error:
            if not self._save_failed:
                log.error("save_failed", error=str(error), retry_in=SAVE_AGAIN)
            self._save_failed = True
            return
        if self._save_failed:
            log.info("save_recovered")
        self._save_failed = False
        saved, self._unsaved = self._unsaved, Changes()
        over = [run.run for run in saved.runs.values() if run.ended is not None]
        self._ended.update(run for run in over if run in self._undrained)
        if done := [run for run in over if run not in self._undrained]:
            self._engine.acknowledge(done)

    def _tell(self, changes: Changes) -> None:
        """Log what began and ended, and wake who waits for it."""
        for run in changes.runs.values():
            _log_run(run)
        names = {id.task for id in changes.replicas} | changes.tasks.keys() | changes.removed
        for name in [*names, ""]:
            for future in self._watchers.pop(name, ()):
                if not future.done():
                    future.set_result(None)

    async def _until(self, name: str, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`, asked again whenever the task (any task for "") has changed."""
        while not holds():
            future = asyncio.get_running_loop().create_future()
            self._watchers[name].append(future)
            await future

    def _arm(self) -> None:
        mono, wall = self.world.next_deadlines()
        if self._save_failed:
            again = self._clock.now().mono + SAVE_AGAIN
            mono = again if mono is None else min(mono, again)
        if self._timer is None or self._timer.when() != mono:
            if self._timer is not None:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._timer = None if mono is None else loop.call_at(mono, self._on_due)
        self._wall_timer.arm(wall)


def _gone(world: World, name: str, born: float) -> bool:
    task = world.tasks.get(name)
    return task is None or (task.start_time != born and not task.removing)


def _log_run(run: Run) -> None:
    names = {"task": run.id.task, "replica": run.id.index, "run": run.run, "pid": run.pid}
    if run.ended is not None:
        log.info("ended", **names, exit=str(run.exit), after=round(run.ended - run.started, 3))
    elif run.pid is not None:
        log.info("started", **names, trigger=run.trigger)

"""What follows from what has happened: who may begin, who has to end, what is forgotten.

Rule: a consequence is drawn from the state alone, so it is drawn after a crash as well.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from . import changing, firing, leaving, rolling
from .blocking import Blocking
from .deps import Blocker
from .events import Interrupt, Stop
from .halting import Halt
from .model import STOPPED, Now, ReplicaId, Task
from .pools import Pools
from .stepper import Stepper


class Settling:
    """Goes over what was touched until nothing is."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._book = stepper.book
        self._halt: Halt | None = None
        self.blocking = Blocking(stepper.book, stepper.checks)
        self.pools = Pools()

    @property
    def halting(self) -> bool:
        return self._halt is not None

    def blockers(self, name: str) -> list[Blocker]:
        """Return what keeps `name` from beginning, nearest first."""
        if self.halting:
            return [Blocker("the service", "is stopping")]
        found = self.blocking.of(name)
        pool, slots = self._book.tasks[name].spec.pool, self.pools.slots
        if not found and pool is not None and self._book.waiting.get(name) and pool in slots:
            found = [Blocker(f"pool {pool}", f"has no free slot of {slots[pool]}")]
        return found

    def halt(self, now: Now) -> None:
        """Begin nothing any more, and stop everything in order."""
        if self._halt is None:
            self._halt = Halt(self._book)
            self._interrupt(self._halt.begin(), now)

    def settle(self, now: Now) -> None:
        book = self._book
        while book.touched or book.freed:
            touched, book.touched = book.touched, {}
            for name in touched:
                if name in book.tasks:
                    self._tidy(name, now)
            if self._halt is None:
                self._begin(touched, now)
            else:
                book.freed = {}
                self._interrupt(self._halt.go_on(touched), now)

    def _tidy(self, name: str, now: Now) -> None:
        """Forget what is surplus or gone of one task; go on with what is queued or rolls."""
        self._touch_leaving(name)
        for id in self._book.surplus(name):
            if not self._book.replicas[id].pending:
                self._stepper.checks.forget_lines(id)
                self._book.drop_replica(id)
        task = self._book.tasks[name]
        pending = bool(self._book.pending.get(name))
        if task.removing and not pending:
            for id in self._book.all_ids_of(name):
                self._stepper.checks.forget_lines(id)
            self._stepper.note(now, "task.removed", name)
            self._book.forget(name)
        elif self.halting:
            return
        elif task.leaving:
            self._leave(task, now)
        elif task.removing:
            return
        elif task.queued and not pending and task.spec.enabled:
            firing.run_queued(self._stepper, name, now)
        else:
            self._renew(task, now)

    def _touch_leaving(self, name: str) -> None:
        """What waits for this task to end has a look whether it has."""
        tasks = self._book.tasks
        deps = self._book.deps_of(name)
        self._book.touch(dep for dep in deps if dep in tasks and tasks[dep].leaving)

    def _leave(self, task: Task, now: Now) -> None:
        """Stop a task once nothing that depends on it is still to end before it."""
        name = task.spec.name
        if not self._book.alive.get(name) or not leaving.is_held(self._book, name):
            self._book.set_task(replace(task, leaving=False))
            ids = self._book.all_ids_of(name)
            self._stepper.handle_all([Stop(id, STOPPED) for id in ids], now)

    def _renew(self, task: Task, now: Now) -> None:
        """Go on with replacing runs of an old spec, and with a rolling restart."""
        name = task.spec.name
        if task.old_specs:
            replicas = self._book.replicas_of(name)
            task = changing.pruned(task, replicas)
            if task is not self._book.tasks[name]:
                self._book.set_task(task)
            for r in changing.outdated(task, replicas):
                self._stepper.restart(r.id, now, reason="updated", trigger="update")
        if task.rolling or task.rolled:
            self._roll_on(task, now)

    def _roll_on(self, task: Task, now: Now) -> None:
        name = task.spec.name
        step = rolling.advance(task, self._book.replicas_of(name), now)
        self._book.looks.set(name, step.look_again)
        after = replace(task, rolling=step.rolling, rolled=step.rolled, roll_error=step.aborted)
        if after != task:
            self._book.set_task(after)
        if step.aborted:
            self._stepper.note(now, "task.roll_aborted", name, reason=step.aborted)
        for index in step.restart:
            self._stepper.restart(ReplicaId(name, index), now, reason="rolling restart")

    def _begin(self, touched: Collection[str], now: Now) -> None:
        """Begin what nothing holds up; what needs a pool's slot, when it is its turn."""
        for name in self.blocking.free(touched):
            spec = self._book.tasks[name].spec
            if spec.pool is not None and spec.pool in self.pools.slots:
                self.pools.enter(name, spec.pool, spec.priority)
                self._book.freed[spec.pool] = None
            else:
                self._begin_runs(sorted(self._book.waiting[name]), now)
        freed, self._book.freed = self._book.freed, {}
        for pool in freed:
            self._fill(pool, now)

    def _fill(self, pool: str, now: Now) -> None:
        """Give the free slots of a pool to those whose turn it is."""
        slots = self.pools.slots.get(pool, math.inf)
        while self._book.taken[pool] < slots and (name := self.pools.first(pool)) is not None:
            waiting = self._book.waiting.get(name)
            if waiting and self._may_take_slot(name, pool):
                self._begin_runs([min(waiting)], now)
            else:
                self.pools.leave(name)

    def _may_take_slot(self, name: str, pool: str) -> bool:
        return self._book.tasks[name].spec.pool == pool and not self.blocking.is_held(name)

    def _begin_runs(self, ids: Sequence[ReplicaId], now: Now) -> None:
        """Begin a run of each of these replicas of one task."""
        for id in ids:
            self._stepper.begin(id, now)
        name = ids[0].task
        self._book.set_task(replace(self._book.tasks[name], last_time=now.wall))

    def _interrupt(self, names: Iterable[str], now: Now) -> None:
        for name in names:
            for r in self._book.replicas_of(name):
                if r.alive and not r.asked:
                    self._stepper.handle(Interrupt(r.id, "the service is stopping"), now)

"""What was asked of the service and takes its time: what has come of it so far.

Rule: an operation is settled by what it was told, not by what is: a replica that came up and died
a moment later has come up.  It is told of every change; nothing polls and nothing waits in a task
of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct

from .core.deps import Blocker
from .core.goals import Goal, Outcome, outcome
from .core.model import Note, Replica, ReplicaId, State
from .core.world import World

KEPT = 1000
"""How many settled operations are remembered."""

OPEN = 10_000
"""How many may be open; older ones are given up."""


class Target(Struct):
    """One replica of an operation: what is wanted of it; runs up to `after` do not count."""

    id: ReplicaId
    goal: Goal
    after: int
    outcome: Outcome | None = None


class Operation(Struct):
    """`began` and `ended` are wall seconds; `waiters` are told when it is settled."""

    id: str
    verb: str
    targets: list[Target]
    began: float
    ended: float | None = None
    waiters: list[asyncio.Future[None]] = []

    @property
    def ok(self) -> bool:
        return all(t.outcome is not None and t.outcome.ok for t in self.targets)


class Operations:
    """The operations of one service, in memory: those that are open, and the last that were."""

    def __init__(
        self,
        world: World,
        listen: Callable[[Callable[[int, Sequence[Note]], None]], object],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._world = world
        self._wall = wall
        self._open: dict[str, Operation] = {}
        self._settled: OrderedDict[str, Operation] = OrderedDict()
        self._by_task: dict[str, set[str]] = defaultdict(set)
        self._blocked: set[str] = set()
        listen(self._on_notes)

    def begin(self, verb: str, targets: list[Target]) -> Operation:
        """Follow what comes of something that was just asked for."""
        operation = Operation(secrets.token_hex(8), verb, targets, self._wall())
        self._open[operation.id] = operation
        for target in targets:
            self._by_task[target.id.task].add(operation.id)
        self._look_at(operation)
        if len(self._open) > OPEN:
            self._settle(next(iter(self._open.values())))
        return operation

    def find(self, id: str) -> Operation | None:
        return self._open.get(id) or self._settled.get(id)

    async def wait(self, operation: Operation, seconds: float) -> None:
        """Return when the operation is settled, or the time is over."""
        if operation.ended is not None or seconds <= 0:
            return
        future = asyncio.get_running_loop().create_future()
        operation.waiters.append(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            if future in operation.waiters:
                operation.waiters.remove(future)

    # Inside.

    def _on_notes(self, first: int, notes: Sequence[Note]) -> None:
        if not self._open:
            return
        touched = set(self._blocked)
        for task in {note.task for note in notes}:
            touched |= self._by_task.get(task, set())
        for id in touched:
            self._look_at(self._open[id])

    def _look_at(self, operation: Operation) -> None:
        waiting = False
        for target in operation.targets:
            if target.outcome is None:
                target.outcome = self._outcome(target)
                r = self._world.replicas.get(target.id)
                waiting = waiting or (r is not None and r.state is State.WAITING)
        (self._blocked.add if waiting else self._blocked.discard)(operation.id)
        if all(target.outcome is not None for target in operation.targets):
            self._settle(operation)

    def _outcome(self, target: Target) -> Outcome | None:
        task = self._world.tasks.get(target.id.task)
        r = self._world.replicas.get(target.id)
        if task is None:
            return Outcome(target.goal in (Goal.REST, Goal.GONE), "gone")
        if task.roll_error and r is not None and _is_left(target, r):
            return Outcome(False, f"left as it was: {task.roll_error}")
        blockers = self._blockers(target.id.task, r)
        return outcome(target.goal, r, task.spec, target.after, blockers)

    def _blockers(self, name: str, r: Replica | None) -> Sequence[Blocker]:
        if r is None or r.state is not State.WAITING:
            return ()
        return self._world.blockers(name)

    def _settle(self, operation: Operation) -> None:
        operation.ended = self._wall()
        self._open.pop(operation.id, None)
        self._blocked.discard(operation.id)
        for target in operation.targets:
            target.outcome = target.outcome or Outcome(False, "given up: too many operations")
            ids = self._by_task[target.id.task]
            ids.discard(operation.id)
            if not ids:
                del self._by_task[target.id.task]
        self._settled[operation.id] = operation
        while len(self._settled) > KEPT:
            self._settled.popitem(last=False)
        for future in operation.waiters:
            if not future.done():
                future.set_result(None)
        operation.waiters.clear()


def _is_left(target: Target, r: Replica) -> bool:
    """Whether a restart was to come for a replica that goes on as if nothing had been asked."""
    up = r.state is State.UP and not r.asked
    return target.goal is Goal.UP and up and r.run <= target.after

"""start, stop, restart, signal, scale, run, enable, disable: of one task, or of a selection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from proctor.core.errors import BadSpec, ProctorError
from proctor.core.goals import Goal, Outcome
from proctor.core.model import Replica, ReplicaId, State
from proctor.core.schedules import Begin, Skip, Wait
from proctor.core.spec import Spec, TaskType
from proctor.manager import Manager
from proctor.operations import Operations, Target

from .oapi import Call, Nothing
from .operation import answer
from .reply import Reply
from .schemas import SpecLimits
from .schemas.selection import (
    RestartQuery,
    ScaleQuery,
    SelectionRequest,
    SignalQuery,
    StartQuery,
    WaitQuery,
)
from .selectors import Selected, select, select_one


class Busy(ProctorError):
    code = "busy"


Done = list[Target]
Act = Callable[[Selected, Any, str], Done]
"""Does it to what is selected, with a query, for an actor."""


class Verb(Struct, frozen=True):
    """A verb: what it does, with which query, and how the document describes it."""

    name: str
    act: Act
    query: type[Any]
    summary: str
    description: str


class Verbs:
    """The verbs.  Each does what it says to what is selected, and says what is to come of it."""

    def __init__(self, manager: Manager, operations: Operations, limits: SpecLimits) -> None:
        self._manager = manager
        self._world = manager.world
        self._operations = operations
        self._limits = limits

    @property
    def all(self) -> Sequence[Verb]:
        """The verbs, as the document lists them."""
        return [Verb(*row) for row in _rows(self)]

    def one(self, verb: Verb) -> Callable[[Call[Any, Nothing]], Awaitable[Reply]]:
        """Return the handler that does it to the task, or replica, that the path names."""

        async def handle(call: Call[Any, Nothing]) -> Reply:
            return await self._do(verb, select_one(self._world, call.path["name"]), call)

        return handle

    def many(self, verb: Verb) -> Callable[[Call[Any, SelectionRequest]], Awaitable[Reply]]:
        """Return the handler that does it to what the body selects."""

        async def handle(call: Call[Any, SelectionRequest]) -> Reply:
            return await self._do(verb, select(self._world, call.body), call)

        return handle

    async def _do(self, verb: Verb, selected: Selected, call: Call[Any, Any]) -> Reply:
        targets = verb.act(selected, call.query, call.actor)
        operation = self._operations.begin(verb.name, targets)
        return await answer(self._operations, operation, call.query.wait)

    # What they do.

    def start(self, selected: Selected, query: StartQuery, actor: str) -> Done:
        before = dict(self._world.replicas)
        ids = [id for found in selected.values() for id in found]
        started = self._manager.start(ids, needs=query.deps, actor=actor)
        return [self._started(before[id]) for id in started]

    def _started(self, r: Replica) -> Target:
        """Return what is to come of a start; the run that goes on counts: it is what is wanted."""
        goes_on = r.state in (State.STARTING, State.UP) and not r.asked
        return Target(r.id, self._goal_of_start(r.id.task), r.run - 1 if goes_on else r.run)

    def _goal_of_start(self, name: str) -> Goal:
        """What runs once is not there before it has run: up for a moment says nothing of it."""
        once = self._world.tasks[name].spec.type is TaskType.ONCE
        return Goal.SUCCESS if once else Goal.UP

    def stop(self, selected: Selected, query: WaitQuery, actor: str) -> Done:
        ids = self._all_there_is(selected)
        self._manager.stop(ids, actor=actor)
        return [Target(id, Goal.REST, 0) for id in ids]

    def _all_there_is(self, selected: Selected) -> list[ReplicaId]:
        """Return the replicas; of whole tasks those, too, that overlapping runs have added."""
        ids: list[ReplicaId] = []
        for name, found in selected.items():
            whole = len(found) == len(self._world.ids_of(name))
            ids += [r.id for r in self._world.replicas_of(name)] if whole else found
        return ids

    def restart(self, selected: Selected, query: RestartQuery, actor: str) -> Done:
        targets: Done = []
        for name in selected:
            self._world.startable(name)
        if query.roll:
            return [target for name in self._whole(selected) for target in self._roll(name, actor)]
        for name, ids in selected.items():
            goal = self._goal_of_restart(name)
            targets += [Target(id, goal, self._world.replicas[id].run) for id in ids]
            if len(ids) == len(self._world.ids_of(name)):
                self._manager.restart(name, actor=actor)
            else:
                self._manager.restart_replicas(ids, actor=actor)
        return targets

    def _roll(self, name: str, actor: str) -> Done:
        """Restart what runs of a task or has failed; of the rest it is said that it is not."""
        goal, rest = self._goal_of_restart(name), Outcome(True, "it was not running")
        replicas = [self._world.replicas[id] for id in self._world.ids_of(name)]
        targets = [Target(r.id, goal, r.run, None if _rolls(r) else rest) for r in replicas]
        self._manager.roll(name, actor=actor)
        return targets

    def _goal_of_restart(self, name: str) -> Goal:
        scheduled = self._world.tasks[name].spec.is_scheduled
        return Goal.REST if scheduled else self._goal_of_start(name)

    def run(self, selected: Selected, query: WaitQuery, actor: str) -> Done:
        targets: Done = []
        for name, ids in selected.items():
            whole = len(ids) == len(self._world.ids_of(name))
            targets += self._run_task(name, actor) if whole else self._run_replicas(ids, actor)
        return targets

    def _run_task(self, name: str, actor: str) -> Done:
        """Do what a fire of the schedule does.  Raises Busy where that would be skipped."""
        before = {r.id: r.run for r in self._world.replicas_of(name)}
        decision = self._manager.run(name, actor=actor)
        match decision:
            case Skip(why):
                raise Busy(f"a run of {name} was skipped: {why}", field="name")
            case Wait():
                ids = self._world.ids_of(name)
            case Begin(indices):
                ids = [ReplicaId(name, index) for index in indices]
        return [Target(id, self._goal_of_run(id), before.get(id, 0)) for id in ids]

    def _run_replicas(self, ids: Sequence[ReplicaId], actor: str) -> Done:
        for id in ids:
            self._world.startable(id.task)
            if self._world.replicas[id].pending:
                raise Busy(f"a run of {id} goes on already", field="name")
        targets = [Target(id, self._goal_of_run(id), self._world.replicas[id].run) for id in ids]
        self._manager.start(ids, trigger="run", actor=actor)
        return targets

    def _goal_of_run(self, id: ReplicaId) -> Goal:
        daemon = self._world.tasks[id.task].spec.type is TaskType.DAEMON
        return Goal.UP if daemon else Goal.SUCCESS

    def delete(self, selected: Selected, query: WaitQuery, actor: str) -> Done:
        targets: Done = []
        names = list(self._whole(selected))
        if len(names) > 1:
            # Dependents are to end first.
            ids = [r.id for name in names for r in self._world.replicas_of(name)]
            self._manager.stop(ids, actor=actor)
        for name in names:
            ids = [r.id for r in self._world.replicas_of(name)] or [ReplicaId(name, 0)]
            self._manager.remove(name, actor=actor)
            targets += [Target(id, Goal.GONE, 0) for id in ids]
        return targets

    def signal(self, selected: Selected, query: SignalQuery, actor: str) -> Done:
        ids = self._all_there_is(selected)
        self._manager.signal(ids, query.signal.removeprefix("SIG"), actor=actor)
        return [_signalled(self._world.replicas[id]) for id in ids]

    def scale(self, selected: Selected, query: ScaleQuery, actor: str) -> Done:
        if not 1 <= query.replica <= self._limits.max_replicas:
            raise BadSpec(
                f"`replica` is not valid: expected 1 to {self._limits.max_replicas}",
                field="replica",
            )
        targets: Done = []
        for name in self._whole(selected):
            wanted = any(r.wanted for r in self._world.replicas_of(name))
            self._respecify(name, lambda spec: replace(spec, replicas=query.replica), actor)
            regular = set(self._world.ids_of(name))
            surplus = [r.id for r in self._world.replicas_of(name) if r.id not in regular]
            targets += [Target(id, Goal.GONE, 0) for id in surplus]
            if wanted:
                targets += [self._started(self._world.replicas[id]) for id in sorted(regular)]
        return targets

    def enable(self, selected: Selected, query: WaitQuery, actor: str) -> Done:
        return self._enable(selected, True, actor)

    def disable(self, selected: Selected, query: WaitQuery, actor: str) -> Done:
        return self._enable(selected, False, actor)

    def _enable(self, selected: Selected, enabled: bool, actor: str) -> Done:
        for name in self._whole(selected):
            self._respecify(name, lambda spec: replace(spec, enabled=enabled), actor)
        said = Outcome(True, "enabled" if enabled else "disabled")
        return [Target(id, Goal.UP, 0, said) for ids in selected.values() for id in ids]

    def _whole(self, selected: Selected) -> list[str]:
        """Return the tasks.  Raises BadSpec if only some replicas of one are selected."""
        for name, ids in selected.items():
            if len(ids) < len(self._world.ids_of(name)):
                raise BadSpec(f"expected whole tasks, got some replicas of {name!r}", field="tasks")
        return list(selected)

    def _respecify(self, name: str, change: Callable[[Spec], Spec], actor: str) -> None:
        self._manager.put(change(self._world.startable(name).spec), actor=actor)


def _signalled(r: Replica) -> Target:
    sent = r.pid is not None
    return Target(r.id, Goal.UP, 0, Outcome(sent, "sent" if sent else "it is not running"))


def _rolls(r: Replica) -> bool:
    """Whether a rolling restart concerns it: it runs, or has failed."""
    return r.alive or r.state in (State.BACKOFF, State.FAILED)


_STOP = "Done when nothing of it is alive. Of several, a dependent ends before what it depends on."


def _rows(verbs: Verbs) -> list[tuple[str, Act, type[Any], str, str]]:
    return [
        (
            "start",
            verbs.start,
            StartQuery,
            "Have it run",
            "Done when it is up and ready; what runs once, when it has ended with success.",
        ),
        ("stop", verbs.stop, WaitQuery, "Have it not run", _STOP),
        (
            "restart",
            verbs.restart,
            RestartQuery,
            "Stop what runs of it, then start it",
            "What has a schedule waits for its next fire.",
        ),
        (
            "run",
            verbs.run,
            WaitQuery,
            "Run it now, once",
            "Done when the run has ended with success. 409 if one goes on.",
        ),
        (
            "signal",
            verbs.signal,
            SignalQuery,
            "Send it a signal",
            "Done at once; failed where nothing runs.",
        ),
        (
            "scale",
            verbs.scale,
            ScaleQuery,
            "Change how many replicas it has",
            "The others are left as they are. Done when the new ones are up, the surplus gone.",
        ),
        (
            "enable",
            verbs.enable,
            WaitQuery,
            "Let it start by itself, and by its schedule",
            "Nothing is started by that.",
        ),
        (
            "disable",
            verbs.disable,
            WaitQuery,
            "Keep it from starting by itself, or by its schedule",
            "Nothing is stopped by that.",
        ),
        (
            "delete",
            verbs.delete,
            WaitQuery,
            "Stop it and forget it",
            "Done when nothing of it is alive and it is forgotten. Its output is kept.",
        ),
    ]

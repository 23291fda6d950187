"""A task whose spec changes: what it is then, and what is done about what runs.

Values only; `World.update` acts on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from .firing import armed
from .model import Now, Origin, Replica, State, Task
from .schedules import NextFire, first_fire
from .spec import Spec
from .update import Plan, outdates, overlaid, plan


def changed(
    before: Task,
    spec: Spec,
    replicas: Sequence[Replica],
    now: Now,
    next_fire: NextFire,
    *,
    roll: bool,
) -> Task:
    """Return the task with its new spec; `roll`: its replicas are to be restarted by and by.

    Runs that go on keep the spec they began with, but for the fields that hold at once.  Going back
    to a spec by which some still go on makes those what they should be.
    """
    difference = plan(before.spec, spec)
    olds = {rev: overlaid(old, spec) for rev, old in before.old_specs.items()}
    task = replace(before, spec=spec, old_specs=olds)
    if (spec.schedule, spec.enabled) != (before.spec.schedule, before.spec.enabled):
        fire = first_fire(spec, now.wall, next_fire, last=before.last_fire)
        task = armed(task, fire)
    if not outdates(difference):
        return task
    olds = {**olds, before.revision: overlaid(before.spec, spec)}
    revision = next((rev for rev, old in olds.items() if old == spec), max(olds) + 1)
    olds.pop(revision, None)
    rolls = roll and difference.restarts
    up = running(spec, replicas) if rolls else ()
    again = given_another_try(replicas) if rolls else ()
    return replace(
        task,
        old_specs=olds,
        revision=revision,
        rolling=tuple(r.id.index for r in up if r.revision != revision),
        rolled=tuple(r.id.index for r in again),
        roll_error="",
    )


def from_file(task: Task, file: str | None, now: Now) -> Task:
    """Return the task as just applied from `file`; None: as it is, wherever it came from."""
    return task if file is None else replace(task, origin=Origin(file, now.wall, task.spec))


def fields_changed(before: Task, after: Task, difference: Plan) -> list[str]:
    """Return what to say of a change; that the same was applied once more is not worth a word."""
    fields = [change.field for change in difference.changes]
    old, new = before.origin, after.origin
    if not fields and new and (old is None or (old.file, old.spec) != (new.file, new.spec)):
        return ["source"]
    return fields


def replaced(task: Task, spec: Spec, replicas: Sequence[Replica]) -> list[Replica]:
    """Return those that a change to `spec` restarts: what still goes by that spec is left alone.

    A schedule's run ends by itself, but is restarted like any other if there is no schedule then.
    """
    if spec.is_scheduled or not outdates(plan(task.spec, spec)):
        return []
    specs = {**task.old_specs, task.revision: task.spec}
    return [
        r
        for r in running(spec, replicas)
        if overlaid(specs.get(r.revision, task.spec), spec) != spec
    ]


def ended(task: Task, spec: Spec, replicas: Sequence[Replica]) -> list[Replica]:
    """Return those that a change to `spec` stops: they are surplus, or wait for a schedule now.

    What runs beside by a schedule's leave (overlap ALLOW) goes on.
    """
    before = task.spec
    scheduled = spec.is_scheduled and not before.is_scheduled
    first = 0 if scheduled else spec.replicas
    return [r for r in running(before, replicas) if r.id.index >= first]


def running(spec: Spec, replicas: Sequence[Replica]) -> list[Replica]:
    """Return those that run, are wanted, and are not surplus."""
    return [r for r in replicas if r.alive and r.wanted and r.id.index < spec.replicas]


def outdated(task: Task, replicas: Sequence[Replica]) -> list[Replica]:
    """Return those that are to be restarted at once because of their old spec.

    A rolling restart sees to its own; one that was given up leaves things as they are.
    """
    if task.spec.is_scheduled or task.roll_error:
        return []
    seen_to = {*task.rolling, *task.rolled}
    return [
        r
        for r in running(task.spec, replicas)
        if r.revision != task.revision and not r.asked and r.id.index not in seen_to
    ]


def pruned(task: Task, replicas: Sequence[Replica]) -> Task:
    """Return the task without the old specs by which nothing goes on any more."""
    used = {r.revision for r in replicas if r.alive}
    if task.old_specs.keys() <= used:
        return task
    return replace(task, old_specs={k: v for k, v in task.old_specs.items() if k in used})


def given_another_try(replicas: Sequence[Replica]) -> list[Replica]:
    """Return those that failed by the old spec: the new one may be better."""
    return [r for r in replicas if r.state in (State.BACKOFF, State.FAILED)]

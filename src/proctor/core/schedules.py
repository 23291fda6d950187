"""What a schedule means for a task: when it fires next, and what a fire does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .model import Replica, Task
from .spec import CatchUp, Overlap, Spec

NextFire = Callable[[Spec, float], float | None]
"""The first moment later than the given one (wall seconds) that the spec's expression names.

Moments within a blackout are passed over.
"""

MOST_CAUGHT_UP = 1000


@dataclass(frozen=True, slots=True)
class Fire:
    """A moment to come: `nominal` as the schedule has it, `at` with the jitter added."""

    nominal: float
    at: float


def first_fire(spec: Spec, now: float, next_fire: NextFire) -> Fire | None:
    """Return when the schedule fires first; a one-off whose moment has passed is due at once."""
    if not spec.enabled or not spec.is_scheduled:
        return None
    if spec.schedule.at is not None:
        return Fire(spec.schedule.at, spec.schedule.at)
    return _put_off(spec, next_fire(spec, now))


def following_fire(task: Task, now: float, next_fire: NextFire) -> Fire | None:
    """Return when it fires after the fire that is due now; a one-off does not."""
    if task.nominal is None or task.spec.schedule.at is not None:
        return None
    after = max(task.nominal, now - task.spec.schedule.jitter)
    return _put_off(task.spec, next_fire(task.spec, after))


def missed(task: Task, now: float, next_fire: NextFire, *, late: bool) -> int:
    """Return how many fires up to `now` are to be made up for after an absence.

    `late`: only the manager was away for a moment, which no task should notice.
    """
    if task.nominal is None or task.next_fire is None or task.next_fire > now:
        return 0
    policy = task.spec.schedule.catch_up
    if policy is not CatchUp.ALL:
        one_off = task.spec.schedule.at is not None
        return 1 if late or one_off or policy is CatchUp.LAST else 0
    count, nominal = 1, task.nominal
    while count < MOST_CAUGHT_UP:
        following = next_fire(task.spec, nominal)
        if following is None or following > now:
            break
        count, nominal = count + 1, following
    return count


def _put_off(spec: Spec, nominal: float | None) -> Fire | None:
    if nominal is None:
        return None
    if not spec.schedule.jitter:
        return Fire(nominal, nominal)
    share = random.Random(f"{spec.name} {nominal}").random()
    return Fire(nominal, nominal + share * spec.schedule.jitter)


@dataclass(frozen=True, slots=True)
class Begin:
    """Start these replicas; `restart`: end their current runs first."""

    indices: tuple[int, ...]
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Keep the fire until the current runs are over."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Drop the fire."""


def fired(task: Task, replicas: Sequence[Replica]) -> Begin | Wait | Skip:
    """Decide what a fire does."""
    regular = tuple(range(task.spec.replicas))
    busy = {r.id.index for r in replicas if r.pending}
    if not busy:
        return Begin(regular)
    match task.spec.schedule.overlap:
        case Overlap.SKIP:
            return Skip()
        case Overlap.QUEUE:
            return Wait() if task.queued < task.spec.schedule.queue else Skip()
        case Overlap.REPLACE:
            return Begin(regular, restart=True)
        case Overlap.ALLOW:
            return Begin(_free(task.spec.replicas, busy))


def _free(count: int, busy: set[int]) -> tuple[int, ...]:
    """Return the lowest `count` indices that are not busy: there may be more runs than replicas."""
    free: list[int] = []
    index = 0
    while len(free) < count:
        if index not in busy:
            free.append(index)
        index += 1
    return tuple(free)

"""What a schedule means for a task: when it fires next, and what a fire does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from .errors import BadSchedule
from .model import Replica, Task
from .spec import CatchUp, Overlap, Schedule, Spec

NextFire = Callable[[Spec, float], float | None]
"""The first moment later than the given one (wall seconds) that the spec's expression names.

Of the spec's schedule it heeds `cron` and `timezone`; all the rest is seen to here.
"""

MOST_CAUGHT_UP = 1000
MOST_PASSED_OVER = 1000
"""How many blackouts in a row are looked behind; a schedule hidden by more never fires."""


class Fire(Struct, frozen=True):
    """A moment to come: `nominal` as the schedule has it, `at` with the jitter added."""

    nominal: float
    at: float


def first_fire(
    spec: Spec, now: float, next_fire: NextFire, *, last: float | None = None
) -> Fire | None:
    """Return when the schedule fires first; a one-off whose moment has passed is due at once.

    `last` is the fire that came last: a one-off does not come twice.
    """
    if not spec.enabled or not spec.is_scheduled:
        return None
    if spec.schedule.at is not None:
        return None if last == spec.schedule.at else Fire(spec.schedule.at, spec.schedule.at)
    return _fire_after(spec, now, next_fire)


def following_fire(task: Task, now: float, next_fire: NextFire) -> Fire | None:
    """Return when it fires after the fire that is due now; a one-off does not."""
    if task.nominal is None or task.spec.schedule.at is not None:
        return None
    return _fire_after(task.spec, max(task.nominal, now - task.spec.schedule.jitter), next_fire)


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
    count, nominal = 1, open_moment(task.spec, task.nominal, next_fire)
    while nominal is not None and nominal <= now and count < MOST_CAUGHT_UP:
        count, nominal = count + 1, open_moment(task.spec, nominal, next_fire)
    return count


def check_open(spec: Spec, now: float, next_fire: NextFire) -> None:
    """Raise BadSchedule if the blackouts leave the schedule nothing."""
    if not spec.schedule.blackouts or next_fire(spec, now) is None:
        return
    if open_moment(spec, now, next_fire) is None:
        raise BadSchedule("every fire lies in a blackout, so it would never run", field="blackouts")


def open_moment(spec: Spec, after: float, next_fire: NextFire) -> float | None:
    """Return the first moment of the schedule later than `after` that is in no blackout."""
    if spec.schedule.cron is None:
        return None
    for _ in range(MOST_PASSED_OVER):
        moment = next_fire(spec, after)
        if moment is None:
            return None
        end = _blackout_end(spec, moment, next_fire)
        if end is None:
            return moment
        # Fires are whole seconds, and the end itself is in the open.
        after = math.ceil(end) - 1
    return None


def _blackout_end(spec: Spec, moment: float, next_fire: NextFire) -> float | None:
    """Return when the blackout that `moment` is in ends, if it is in one."""
    ends = []
    for cron, seconds in spec.schedule.blackouts:
        begins = Schedule(cron=cron, timezone=spec.schedule.timezone)
        start = next_fire(replace(spec, schedule=begins), moment - seconds)
        if start is not None and start <= moment:
            ends.append(start + seconds)
    return max(ends, default=None)


def _fire_after(spec: Spec, after: float, next_fire: NextFire) -> Fire | None:
    nominal = open_moment(spec, after, next_fire)
    if nominal is None:
        return None
    if not spec.schedule.jitter:
        return Fire(nominal, nominal)
    import random  # For few tasks.

    share = random.Random(f"{spec.name} {nominal}").random()
    at = nominal + share * spec.schedule.jitter
    return Fire(nominal, nominal if _blackout_end(spec, at, next_fire) else at)


class Begin(Struct, frozen=True):
    """Start these replicas; `restart`: end their current runs first."""

    indices: tuple[int, ...]
    restart: bool = False


class Wait(Struct, frozen=True):
    """Keep the fire until the current runs are over."""


class Skip(Struct, frozen=True):
    """Drop the fire."""

    why: str


Decision = Begin | Wait | Skip


def fired(task: Task, replicas: Sequence[Replica]) -> Decision:
    """Decide what a fire does.  What goes on is read off the replicas: no flag can be stale."""
    regular = tuple(range(task.spec.replicas))
    busy = [r for r in replicas if r.pending]
    if not busy and not task.queued:
        return Begin(regular)
    match task.spec.schedule.overlap:
        case Overlap.SKIP:
            return Skip(_what_goes_on(busy))
        case Overlap.QUEUE:
            full = task.queued >= task.spec.schedule.queue
            return Skip(f"{task.queued} fires wait already") if full else Wait()
        case Overlap.REPLACE:
            return Begin(regular, restart=True)
        case Overlap.ALLOW:
            return Begin(_free(task.spec.replicas, {r.id.index for r in busy}))


def _what_goes_on(busy: Sequence[Replica]) -> str:
    if not busy:
        return "fires that were missed come first"
    alive = next((r for r in busy if r.alive), None)
    return f"{busy[0].id} still {busy[0].state}" if alive is None else f"{alive.id} still runs"


def _free(count: int, busy: set[int]) -> tuple[int, ...]:
    """Return the lowest `count` indices that are not busy: there may be more runs than replicas."""
    free: list[int] = []
    index = 0
    while len(free) < count:
        if index not in busy:
            free.append(index)
        index += 1
    return tuple(free)

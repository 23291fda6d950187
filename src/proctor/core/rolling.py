"""A rolling restart: a few replicas at a time, each only when those before it are well."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from .model import Now, Replica, State, Task

SETTLING_IN = 1.0
"""Seconds that a replica without a check of its readiness has to stay up to count as well."""

GRACE = 60.0
"""Seconds that a replica may take to get ready beyond those in which its checks would fail."""


class Step(Struct, frozen=True):
    """What is left to do and what is at hand now, whom to restart, and why it is given up.

    `look_again`: when (monotonic seconds), though nothing happens until then.
    """

    rolling: tuple[int, ...]
    rolled: tuple[int, ...]
    restart: tuple[int, ...] = ()
    aborted: str = ""
    look_again: float | None = None


def advance(task: Task, replicas: Sequence[Replica], now: Now) -> Step:
    """Decide how the task's rolling restart goes on.

    One replica that does not come up well ends it: those not yet restarted are left as they are.
    """
    by_index = {r.id.index: r for r in replicas if r.id.index < task.spec.replicas}
    at_hand = []
    look_again = []
    for r in (by_index[index] for index in task.rolled if index in by_index):
        late_at = _late_at(task, r)
        if reason := _went_wrong(r, late_at, now):
            return Step((), (), aborted=f"{r.id} {reason}")
        well_at = _well_at(task, r)
        if well_at is None or well_at > now.mono:
            at_hand.append(r.id.index)
            look_again += [late_at] if well_at is None else [well_at]
    rest = [index for index in task.rolling if index in by_index and by_index[index].wanted]
    room = max(1, task.spec.rolling) - len(at_hand)
    following = tuple(rest[: max(0, room)])
    return Step(
        tuple(rest[len(following) :]),
        (*at_hand, *following),
        restart=following,
        look_again=min((at for at in look_again if at < math.inf), default=None),
    )


def _well_at(task: Task, r: Replica) -> float | None:
    """Return from when on it is well again (monotonic), None: not yet known.

    A run that was to end is well when it has done so.
    """
    if not r.pending:
        return r.began
    if r.state is not State.UP or not r.ready:
        return None
    return r.began + (SETTLING_IN if task.spec.readiness is None else 0.0)


def _late_at(task: Task, r: Replica) -> float:
    """Return when it is too late to get ready (monotonic); while nothing of it is up: never."""
    if r.state is not State.UP or r.ready:
        return math.inf
    checks = [check for check in (task.spec.startup, task.spec.readiness) if check is not None]
    patience = sum(
        check.delay + (check.period + check.timeout) * check.failures for check in checks
    )
    return r.began + patience + GRACE


def _went_wrong(r: Replica, late_at: float, now: Now) -> str:
    if r.verdict and not r.asked:
        return r.verdict
    if r.state in (State.BACKOFF, State.FAILED):
        return r.reason
    if r.restarts and not r.asked:
        return str(r.exit)
    if r.state is State.DOWN and (r.exit is None or not r.exit.ok):
        return r.reason
    return f"is not ready after {now.mono - r.began:.0f} s" if now.mono >= late_at else ""


def given_up(task: Task, replicas: Sequence[Replica]) -> str:
    """Return a sentence on an update that was given up while runs of the old spec go on, or ""."""
    old = [str(r.id) for r in replicas if r.alive and r.revision != task.revision]
    if not task.roll_error or not old:
        return ""
    named = ", ".join(old[:3]) + (f" and {len(old) - 3} more" if len(old) > 3 else "")
    return f"the update was given up ({task.roll_error}): {named} run as before"

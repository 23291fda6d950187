"""A rolling restart: a few replicas at a time, each only when those before it are well."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .model import Now, Replica, State, Task

SETTLING_IN = 1.0
"""Seconds that a replica without a check of its readiness has to stay up to count as well."""


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
        if reason := _went_wrong(r):
            return Step((), (), aborted=f"{r.id} {reason}")
        well_at = _well_at(task, r)
        if well_at is None or well_at > now.mono:
            at_hand.append(r.id.index)
            look_again += [] if well_at is None else [well_at]
    rest = [index for index in task.rolling if index in by_index and by_index[index].wanted]
    room = max(1, task.spec.rolling) - len(at_hand)
    following = tuple(rest[: max(0, room)])
    return Step(
        tuple(rest[len(following) :]),
        (*at_hand, *following),
        restart=following,
        look_again=min(look_again, default=None),
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


def _went_wrong(r: Replica) -> str:
    if r.verdict and not r.asked:
        return r.verdict
    if r.state in (State.BACKOFF, State.FAILED):
        return r.reason
    if r.restarts and not r.asked:
        return str(r.exit)
    if r.state is State.DOWN and (r.exit is None or not r.exit.ok):
        return r.reason
    return ""

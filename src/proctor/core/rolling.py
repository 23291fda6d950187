"""A rolling restart: a few replicas at a time, each only when those before it are well."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .model import Replica, State, Task


class Step(Struct, frozen=True):
    """What is left to do and what is at hand now, whom to restart, and why it is given up."""

    rolling: tuple[int, ...]
    rolled: tuple[int, ...]
    restart: tuple[int, ...] = ()
    aborted: str = ""


def advance(task: Task, replicas: Sequence[Replica]) -> Step:
    """Decide how the task's rolling restart goes on.

    One replica that does not come up well ends it: those not yet restarted are left as they are.
    """
    by_index = {r.id.index: r for r in replicas if r.id.index < task.spec.replicas}
    at_hand = []
    for r in (by_index[index] for index in task.rolled if index in by_index):
        if reason := _went_wrong(r):
            return Step((), (), aborted=f"{r.id} {reason}")
        if not _is_done(r):
            at_hand.append(r.id.index)
    rest = [index for index in task.rolling if index in by_index and by_index[index].wanted]
    room = max(1, task.spec.rolling) - len(at_hand)
    following = tuple(rest[: max(0, room)])
    return Step(tuple(rest[len(following) :]), (*at_hand, *following), restart=following)


def _is_done(r: Replica) -> bool:
    """Whether it is well again; a run that was to end has done so."""
    return not r.pending or (r.state is State.UP and r.ready)


def _went_wrong(r: Replica) -> str:
    if r.verdict and not r.asked:
        return r.verdict
    if r.state in (State.BACKOFF, State.FAILED):
        return r.reason
    if r.state is State.DOWN and (r.exit is None or not r.exit.ok):
        return r.reason
    return ""

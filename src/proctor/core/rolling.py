"""A rolling restart: a few replicas at a time, each only when those before it are well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Replica, State, Task


@dataclass(frozen=True, slots=True)
class Step:
    """What is left to do and what is at hand now, whom to interrupt, and why it ended early."""

    rolling: tuple[int, ...]
    rolled: tuple[int, ...]
    interrupt: tuple[int, ...] = ()
    aborted: str = ""


def advance(task: Task, replicas: Sequence[Replica]) -> Step:
    """Decide how the task's rolling restart goes on.

    One replica that does not come up well ends it: those not yet restarted are left as they are.
    """
    by_index = {r.id.index: r for r in replicas}
    at_hand = []
    for index in task.rolled:
        r = by_index.get(index)
        if r is None or (r.state is State.UP and r.ready and not r.asked):
            continue
        if reason := _went_wrong(r):
            return Step((), (), aborted=f"{r.id}: {reason}")
        at_hand.append(index)
    room = max(1, task.spec.rolling) - len(at_hand)
    following = task.rolling[: max(0, room)]
    rest = task.rolling[len(following) :]
    return Step(rest, (*at_hand, *following), interrupt=following)


def _went_wrong(r: Replica) -> str:
    if r.state in (State.BACKOFF, State.FAILED):
        return r.reason
    if r.state is State.DOWN:
        return "stopped"
    if r.verdict:
        return r.verdict
    return ""

"""What a request wants to come of a replica, and whether it has."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from .deps import Blocker
from .model import Exit, Replica, State
from .restart import succeeded
from .spec import Spec


class Goal(StrEnum):
    UP = "up"  # runs, and is ready; what is to end by itself may have ended well already
    SUCCESS = "success"  # a run that began later than the request has ended with success
    REST = "rest"  # nothing runs and nothing is to
    GONE = "gone"  # there is no such replica any more


class Outcome(Struct, frozen=True):
    """Whether it came to what was wanted, and what it came to."""

    ok: bool
    text: str


REMOVED = Outcome(False, "it was removed")


def outcome(
    goal: Goal, r: Replica | None, spec: Spec, after: int, blockers: Sequence[Blocker]
) -> Outcome | None:
    """Return what has come of the goal, None while that is open.

    `r` is None when the replica is no more.  Runs with ids up to `after` do not count.  `blockers`
    hold the replica up if it waits.
    """
    if r is None:
        return Outcome(True, "gone") if goal in (Goal.REST, Goal.GONE) else REMOVED
    if goal is Goal.GONE:
        return None
    if goal is Goal.REST:
        return None if r.pending else Outcome(True, str(r.exit) if r.exit else "stopped")
    if r.state is State.WAITING:
        final = next((b for b in blockers if b.final), None)
        return None if final is None else Outcome(False, f"blocked: {final}")
    if r.state is State.FAILED:
        return Outcome(False, r.reason or str(r.exit))
    if r.state is State.DOWN:
        return _ended(r, spec, after)
    if goal is Goal.UP and r.run > after:
        return _up(r)
    return None


def _up(r: Replica) -> Outcome | None:
    if r.state is State.UP and r.ready and not r.asked:
        return Outcome(True, "up")
    if r.state is State.BACKOFF:
        return Outcome(False, f"{r.reason}; it will be tried again")
    return None


def _ended(r: Replica, spec: Spec, after: int) -> Outcome:
    if r.run <= after or r.exit is None:
        return Outcome(False, "it was stopped before it ran")
    if r.asked and not succeeded(spec, r.exit):
        return Outcome(False, "it was stopped")
    return Outcome(succeeded(spec, r.exit), _said(r.exit))


def _said(exit: Exit) -> str:
    return "ended well" if exit.ok else str(exit)

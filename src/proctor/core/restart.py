"""Whether and when a replica whose run has ended is started again."""

from __future__ import annotations

import math

from msgspec import Struct

from .model import Exit, Now, Replica
from .spec import RestartWhen, Spec, TaskType


class Again(Struct, frozen=True):
    """Start it again after `pause` seconds; it is then the `restarts`-th restart in a row."""

    pause: float
    restarts: int


class Done(Struct, frozen=True):
    """Its task is fulfilled, or was a single try."""


class GiveUp(Struct, frozen=True):
    """It has failed too often: not again until somebody starts it."""

    reason: str


def succeeded(spec: Spec, exit: Exit) -> bool:
    """Whether a run that ended so did what it was for."""
    return exit.error is None and exit.code in spec.success_codes


def after_end(r: Replica, spec: Spec, now: Now) -> Again | Done | GiveUp:
    """Decide about a replica whose run ended unasked; `r.exit` says how."""
    assert r.exit is not None
    policy = spec.restart
    failed = not succeeded(spec, r.exit)
    if policy.when is RestartWhen.NEVER or (policy.when is RestartWhen.ON_FAILURE and not failed):
        return Done()
    restarts = 0 if _was_stable(r, spec, now) else r.restarts
    if policy.retries is not None and restarts >= policy.retries:
        return GiveUp(f"{r.exit}, after {restarts} retries")
    if policy.limit is not None:
        recent = [start for start in r.starts if now.mono - start < policy.window]
        if len(recent) >= policy.limit:
            return GiveUp(f"start-limit {policy.limit} in {policy.window:g}s")
    return Again(pause(spec, restarts, r.run), restarts + 1)


def pause(spec: Spec, restarts: int, seed: int) -> float:
    """Return the seconds to the next start after `restarts` restarts in a row.

    The jitter is drawn by `seed`, so that the same question has the same answer.
    """
    policy = spec.restart
    seconds = spec.interval
    if policy.factor != 1.0 and seconds:
        try:
            grown = seconds * policy.factor**restarts
        except OverflowError:
            grown = math.inf
        seconds = min(grown, max(policy.cap, seconds))
    if not policy.jitter:
        return seconds
    import random  # For few tasks.

    return seconds * (1.0 + policy.jitter * random.Random(seed).uniform(-1.0, 1.0))


def counted(starts: tuple[float, ...], spec: Spec, now: Now) -> tuple[float, ...]:
    """Return the starts that count for the limit, one at `now` included."""
    limit = spec.restart.limit
    return () if limit is None else (*starts, now.mono)[-limit:]


def _was_stable(r: Replica, spec: Spec, now: Now) -> bool:
    """Whether the run forgets the restarts before it: a daemon is well when it lasts, a job is not.

    How long a job took says nothing, or one that takes long to fail would be tried for ever.
    """
    return spec.type is TaskType.DAEMON and now.mono - r.began >= spec.restart.stable_after

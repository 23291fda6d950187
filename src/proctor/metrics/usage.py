"""What a run uses, by two readings of all processes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from proctor.core.model import Replica

from .procfs import TICKS, Proc, count_fds, total

YOUNG = 2.0
"""Seconds for which the use of CPU since the start is the use now."""

FDS_STEP = 10.0
FDS_IDLE_STEP = 60.0
"""Seconds until descriptors are counted anew: after something has changed, or nothing."""


class Usage(Struct, frozen=True):
    """What the whole tree of a run uses.

    `cpu` is the number of CPUs it kept busy since the reading before, None: not known yet.
    `spent` is user and system time, with that of ended children that were waited for: it falls
    when a process ends that nobody waits for.  `cpu_seconds` is how much it has risen in all.
    `rss` counts shared pages once a process.  `fds` None: we may not look; they are
    counted anew at `fds_due` (monotonic seconds).
    """

    run: int
    pids: tuple[int, ...]
    cpu: float | None
    spent: float
    cpu_seconds: float
    rss: int
    threads: int
    fds: int | None
    fds_due: float


class Sweep(Struct, frozen=True):
    """What was read of all processes, which are the same objects where nothing has changed."""

    at: float
    """Monotonic seconds."""
    procs: Mapping[int, Proc]


def seen(r: Replica, pids: list[int], before: Usage | None, last: Sweep, this: Sweep) -> Usage:
    """Return what a tree uses, by what was read of it in the last sweep and in this one."""
    tree, procs = tuple(pids), this.procs
    if before is not None and before.run != r.run:
        before = None
    if before is None or before.pids != tree or this.at >= before.fds_due:
        fds, due = count_fds(pids), this.at + FDS_IDLE_STEP
    elif before.cpu == 0.0 and all(procs[pid] is last.procs.get(pid) for pid in pids):
        return before
    else:
        fds, due = before.fds, min(before.fds_due, this.at + FDS_STEP)
    one = procs[pids[0]] if len(pids) == 1 else total(procs[pid] for pid in pids)
    spent = one.ticks / TICKS
    share, risen = _share(r, spent, before, last.at, this.at), _risen(spent, before)
    # By position: a thousand of them by name would take a millisecond more.
    return Usage(r.run, tree, share, spent, risen, one.rss, one.threads, fds, due)


def _share(r: Replica, spent: float, before: Usage | None, last: float, now: float) -> float | None:
    """Return how many CPUs were busy since the reading before, or since a recent start."""
    if before is not None:
        return max(0.0, spent - before.spent) / max(now - last, 0.01)
    age = now - r.began
    return spent / max(age, 0.01) if age <= YOUNG else None


def _risen(spent: float, before: Usage | None) -> float:
    return spent if before is None else before.cpu_seconds + max(0.0, spent - before.spent)

"""What a dependency holds up, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Replica, State
from .restart import succeeded
from .spec import Dep, Spec, TaskType, Until


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that has to happen first.  `final`: it will not, unless somebody intervenes."""

    task: str
    why: str
    final: bool = False

    def __str__(self) -> str:
        return f"{self.task} {self.why}"


def settled_blocker(name: str, spec: Spec, replicas: Sequence[Replica]) -> Blocker | None:
    """Say why a plain dependency on the task is not satisfied, if it is not.

    A daemon satisfies it when its replicas are ready; any other task when it is not running and not
    about to run.
    """
    if spec.type is TaskType.DAEMON:
        return _not_ready(name, replicas)
    if any(r.pending for r in replicas):
        return Blocker(name, "is running" if any(r.alive for r in replicas) else "is to run first")
    return None


def blocker(
    dep: Dep, spec: Spec | None, replicas: Sequence[Replica], *, matched: bool
) -> Blocker | None:
    """Say why `dep` is not satisfied, if it is not.  `spec` is None if no such task exists.

    `matched`: a line of the output of the current run has matched the pattern.
    """
    if spec is None:
        if not dep.required or dep.until is Until.SETTLED:
            return None
        return Blocker(dep.task, "does not exist")
    found = _unmet(dep, spec, replicas, matched)
    if found is not None and not dep.required and not any(r.pending for r in replicas):
        return None  # It can no longer come.
    return found


def _unmet(dep: Dep, spec: Spec, replicas: Sequence[Replica], matched: bool) -> Blocker | None:
    name = dep.task
    match dep.until:
        case Until.SETTLED:
            return settled_blocker(name, spec, replicas)
        case Until.STARTED:
            waiting = [r for r in replicas if not _has_started(r)]
            return Blocker(name, _state_of(waiting[0], "has not started")) if waiting else None
        case Until.READY:
            return _not_ready(name, replicas)
        case Until.COMPLETED | Until.COMPLETED_OK:
            return _not_completed(dep, spec, replicas)
        case Until.LOG_LINE:
            if matched:
                return None
            over = all(not r.pending for r in replicas)
            return Blocker(name, f"has not printed {dep.pattern!r}", final=over and _ran(replicas))


def _not_ready(name: str, replicas: Sequence[Replica]) -> Blocker | None:
    for r in replicas:
        if r.state is not State.UP or r.asked:
            return Blocker(name, _state_of(r, "is not up"), final=r.state is State.FAILED)
        if not r.ready:
            return Blocker(name, "is not ready" + (f": {r.reason}" if r.reason else ""))
    return None


def _not_completed(dep: Dep, spec: Spec, replicas: Sequence[Replica]) -> Blocker | None:
    for r in replicas:
        if r.pending:
            return Blocker(dep.task, _state_of(r, "is running"))
        if r.run == 0 or r.exit is None:
            return Blocker(dep.task, "has not run")
        if dep.until is Until.COMPLETED_OK and not succeeded(spec, r.exit):
            return Blocker(dep.task, str(r.exit), final=True)
    return None


def _has_started(r: Replica) -> bool:
    if r.state in (State.WAITING, State.STARTING):
        return False
    return r.run > 0


def _ran(replicas: Sequence[Replica]) -> bool:
    return any(r.run > 0 for r in replicas)


def _state_of(r: Replica, otherwise: str) -> str:
    """Say what the replica is at, in words that follow its name."""
    match r.state:
        case State.WAITING:
            return "waits"
        case State.STARTING:
            return "is starting"
        case State.BACKOFF:
            return f"is about to be restarted ({r.reason})"
        case State.FAILED:
            return f"failed: {r.reason}"
        case State.DOWN:
            return "is stopped" if r.run == 0 or r.exit is None else f"is down ({r.exit})"
        case State.STOPPING | State.KILLING:
            return "is stopping"
    return otherwise

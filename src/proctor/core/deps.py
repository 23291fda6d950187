"""What a dependency holds up, and why."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .model import Replica, State, Task
from .restart import succeeded
from .spec import Dep, TaskType, Until


class Blocker(Struct, frozen=True):
    """Something that has to happen first.  `final`: it will not, unless somebody intervenes."""

    task: str
    why: str
    final: bool = False

    def __str__(self) -> str:
        return f"{self.task} {self.why}"


class Needed(Struct, frozen=True):
    """A task that is depended on, as it stands; `task` is None if there is none of that name.

    `stuck`: it is itself held up for good.
    """

    task: Task | None
    replicas: Sequence[Replica]
    stuck: bool = False

    @property
    def hopeless(self) -> bool:
        """Whether nothing of it will run, or go on, unless somebody intervenes."""
        if self.task is None or self.stuck:
            return True
        coming = self.task.next_fire is not None or self.task.queued > 0
        return not coming and not any(r.pending for r in self.replicas)

    @property
    def regular(self) -> Sequence[Replica]:
        """Its replicas but those that are on their way out, or run beside (overlap ALLOW)."""
        if self.task is None or len(self.replicas) == self.task.spec.replicas:
            return self.replicas
        return [r for r in self.replicas if r.id.index < self.task.spec.replicas]


def blocker(dep: Dep, needed: Needed, *, matched: bool = False) -> Blocker | None:
    """Say why `dep` is not satisfied, if it is not.

    `matched`: a line of the output of a current run has matched the pattern.  An optional
    dependency that can no longer come holds nothing up.
    """
    why = _unmet(dep, needed, matched)
    if why is None:
        return None
    final = needed.hopeless
    return None if final and not dep.required else Blocker(dep.task, why, final)


def _unmet(dep: Dep, needed: Needed, matched: bool) -> str | None:
    if needed.task is None:
        return None if dep.until is Until.SETTLED else "does not exist"
    match dep.until:
        case Until.SETTLED:
            return _not_settled(needed.task, needed)
        case Until.STARTED:
            return _not_started(needed)
        case Until.READY:
            return _not_ready(needed)
        case Until.COMPLETED | Until.COMPLETED_OK:
            return _not_completed(dep, needed.task, needed)
        case Until.LOG_LINE:
            return None if matched else f"has not printed {dep.pattern!r}"


def _not_settled(task: Task, needed: Needed) -> str | None:
    """A daemon has to be ready; any other task must not be running or about to run."""
    if task.spec.type is TaskType.DAEMON:
        return _not_ready(needed)
    for r in needed.replicas:
        if r.pending:
            return "is running" if r.state is State.UP else _state_of(r, needed)
    return None


def _not_started(needed: Needed) -> str | None:
    for r in needed.regular:
        never = r.run == 0 or (r.exit is not None and r.exit.unseen)
        if never or r.state in (State.WAITING, State.STARTING):
            return _state_of(r, needed)
    return None


def _not_ready(needed: Needed) -> str | None:
    for r in needed.regular:
        if r.state is not State.UP:
            return _state_of(r, needed)
        if not r.ready:
            return "is not ready" + (f": {r.reason}" if r.reason else "")
    return None


def _not_completed(dep: Dep, task: Task, needed: Needed) -> str | None:
    for r in needed.regular:
        if r.pending:
            return "is running" if r.state is State.UP else _state_of(r, needed)
        if r.run == 0 or r.exit is None:
            return "has not run"
        if dep.until is Until.COMPLETED_OK and not succeeded(task.spec, r.exit):
            return str(r.exit)
    return None


def _state_of(r: Replica, needed: Needed) -> str:
    """Say what the replica is at, in words that follow its name."""
    match r.state:
        case State.WAITING:
            return "is blocked" if needed.stuck else "waits"
        case State.STARTING:
            return "is starting"
        case State.BACKOFF:
            return f"is about to be restarted ({r.reason})"
        case State.FAILED:
            return f"failed: {r.reason}"
        case State.STOPPING | State.KILLING:
            return "is stopping"
        case State.UP | State.DOWN:
            return "is stopped" if r.exit is None or r.asked else f"is down ({r.exit})"

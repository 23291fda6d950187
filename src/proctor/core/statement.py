"""What a task is doing, in words, computed from a World.  Values only."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from .model import Replica, State, Task
from .restart import succeeded
from .spec import TaskType
from .world import World


class TaskState(StrEnum):
    """What a task as a whole is doing; the first that fits."""

    REMOVING = "removing"  # it is being stopped, and will be forgotten
    FAILED = "failed"  # a replica was given up, or its last run failed and is not repeated
    BACKOFF = "backoff"  # a replica ended and is about to be started again
    STOPPING = "stopping"
    BLOCKED = "blocked"  # it waits for something that will not come by itself
    WAITING = "waiting"  # it waits for something else to happen first
    STARTING = "starting"  # a replica is being started, or is not ready yet
    RUNNING = "running"  # all that is wanted runs, and is ready
    SCHEDULED = "scheduled"  # it runs next as its schedule says
    COMPLETED = "completed"  # its last run ended well
    STOPPED = "stopped"  # somebody stopped it, or it never ran
    DISABLED = "disabled"  # it starts neither by itself nor by its schedule


class Statement(Struct, frozen=True):
    """A task's state, why, what it waits for, and how many replicas are alive and ready."""

    state: TaskState
    reason: str
    blockers: tuple[str, ...]
    alive: int
    ready: int


def statement(world: World, name: str) -> Statement:
    """Say what the task is doing.  It has to exist."""
    task = world.tasks[name]
    replicas = world.replicas_of(name)
    found = world.blockers(name) if any(r.state is State.WAITING for r in replicas) else []
    blockers = tuple(str(blocker) for blocker in found)
    state, reason = _state(task, replicas, any(blocker.final for blocker in found))
    if state in (TaskState.WAITING, TaskState.BLOCKED):
        reason = "; ".join(blockers)
    alive = sum(r.alive for r in replicas)
    return Statement(state, reason, blockers, alive, sum(r.ready for r in replicas))


def _state(task: Task, replicas: Sequence[Replica], final: bool) -> tuple[TaskState, str]:
    if task.removing:
        return TaskState.REMOVING, ""
    if task.leaving:
        return TaskState.STOPPING, "what depends on it ends first"
    # Of several in one state the first speaks for all.
    by_state = {replica.state: replica for replica in reversed(replicas)}
    if (r := by_state.get(State.FAILED)) is not None:
        return TaskState.FAILED, r.reason or str(r.exit)
    if (r := by_state.get(State.BACKOFF)) is not None:
        return TaskState.BACKOFF, r.reason
    for state in (State.STOPPING, State.KILLING):
        if (r := by_state.get(state)) is not None:
            return TaskState.STOPPING, r.verdict or r.reason
    if State.WAITING in by_state:
        return (TaskState.BLOCKED if final else TaskState.WAITING), ""
    if State.STARTING in by_state:
        return TaskState.STARTING, ""
    unready = [r for r in replicas if r.state is State.UP and not r.ready]
    if unready:
        return TaskState.STARTING, unready[0].reason or "not ready yet"
    if State.UP in by_state:
        return TaskState.RUNNING, ""
    return _at_rest(task, replicas)


def _at_rest(task: Task, replicas: Sequence[Replica]) -> tuple[TaskState, str]:
    ended = [r for r in replicas if r.exit is not None]
    failed = [r for r in ended if not r.asked and not r.stopped and not _well(task, r)]
    if task.next_fire is not None:
        return TaskState.SCHEDULED, f"the last run: {failed[0].exit}" if failed else ""
    if failed:
        return TaskState.FAILED, str(failed[0].exit)
    if not task.spec.enabled:
        return TaskState.DISABLED, ""
    if task.spec.on_demand and not any(r.stopped for r in replicas):
        return TaskState.STOPPED, "starts at the first connection"
    # A daemon would have been started again, however well it ended.
    daemon = task.spec.type is TaskType.DAEMON
    if ended and all(_well(task, r) and not r.asked and not (daemon and r.stopped) for r in ended):
        return TaskState.COMPLETED, ""
    return TaskState.STOPPED, ended[0].reason if ended else ""


def _well(task: Task, r: Replica) -> bool:
    return r.exit is not None and succeeded(task.spec, r.exit)

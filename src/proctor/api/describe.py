"""Tasks, replicas and runs as /v1 shows them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from proctor.core import rolling
from proctor.core.checks import LIVENESS, READINESS, STARTUP
from proctor.core.enforcing import warnings
from proctor.core.hosts import shown_deps
from proctor.core.model import Exit, Now, Replica, ReplicaId, Run, State, Task
from proctor.core.restart import succeeded
from proctor.core.spec import Spec, Until
from proctor.core.statement import statement
from proctor.core.views import command_text
from proctor.core.world import World

from . import differences
from .schemas import shown
from .schemas.tasks import CheckEntry, ExitEntry, ReplicaEntry, RunEntry, TaskDetails, TaskSummary


def summary(world: World, name: str, restarts_of: Callable[[ReplicaId], int]) -> TaskSummary:
    """`restarts_of` says how often a replica was restarted since the service started."""
    task = world.tasks[name]
    spec, said, replicas = task.spec, statement(world, name), world.replicas_of(name)
    ended = [r for r in replicas if r.exit is not None]
    return TaskSummary(
        name=name,
        type=spec.type.value,
        namespace=spec.namespace,
        labels=spec.labels,
        deps=[dep.task for dep in shown_deps(spec)],
        state=said.state.value,
        reason=said.reason,
        cmd=command_text(spec),
        enabled=spec.enabled,
        replicas=spec.replicas,
        alive=said.alive,
        ready=said.ready,
        pids=[r.pid for r in replicas if r.pid is not None],
        restarts=max((r.restarts for r in replicas), default=0),
        restarts_total=sum(restarts_of(r.id) for r in replicas),
        started=min((r.started for r in replicas if r.alive and r.started), default=None),
        next_fire=task.next_fire,
        last_exit=_exit(max(ended, key=lambda r: r.since).exit) if ended else None,
    )


def details(world: World, name: str, now: Now, controllers: Collection[str]) -> TaskDetails:
    """Return all about a task; `controllers` are those by which the kernel limits."""
    task = world.tasks[name]
    said = statement(world, name)
    return TaskDetails(
        name=name,
        state=said.state.value,
        reason=said.reason,
        blockers=list(said.blockers),
        start_time=task.start_time,
        last_time=task.last_time,
        next_fire=task.next_fire,
        queued=task.queued,
        skipped=task.skipped,
        replicas=replicas(world, name, now),
        dependents=sorted(world.dependents_of(name)),
        spec=shown(task.spec),
        warnings=_warnings(world, task, controllers),
        source=differences.source(task.origin, task.spec),
    )


def _warnings(world: World, task: Task, controllers: Collection[str]) -> list[str]:
    given_up = rolling.given_up(task, world.replicas_of(task.spec.name))
    nobody = [
        f"{dep.task}, on which it depends, does not exist and is not waited for"
        for dep in shown_deps(task.spec)
        if dep.task not in world.tasks and (dep.until is Until.SETTLED or not dep.required)
    ]
    return [*([given_up] if given_up else []), *nobody, *warnings(task.spec.limits, controllers)]


def replicas(world: World, name: str, now: Now) -> list[ReplicaEntry]:
    return [_replica(world, r, now) for r in world.replicas_of(name)]


def _replica(world: World, r: Replica, now: Now) -> ReplicaEntry:
    started = r.started if r.alive else None
    waits = r.state is State.BACKOFF and r.deadline is not None
    return ReplicaEntry(
        alias=str(r.id),
        index=r.id.index,
        state=r.state.value,
        ready=r.ready,
        wanted=r.wanted,
        pid=r.pid,
        run=r.run or None,
        since=r.since,
        started=started,
        uptime=None if started is None else round(max(0.0, now.wall - started), 3),
        ready_since=r.ready_since,
        restarts=r.restarts,
        reason=r.reason,
        next_restart=now.wall + (r.deadline or 0.0) - now.mono if waits else None,
        last_exit=_exit(r.exit),
        checks=_checks(world, r, now),
    )


def _checks(world: World, r: Replica, now: Now) -> list[CheckEntry]:
    found = []
    for name in (STARTUP, READINESS, LIVENESS):
        verdict = world.verdicts.get((r.id, name))
        if verdict is not None and verdict.run == r.run:
            answered = verdict.successes or verdict.failures
            at = now.wall + verdict.at - now.mono if answered else None
            found.append(
                CheckEntry(
                    name, verdict.passing, verdict.successes, verdict.failures, verdict.text, at
                )
            )
    return found


def run_entry(run: Run, spec: Spec | None) -> RunEntry:
    """`spec` is the task's, None if it is gone: then exit 0 is success."""
    ok = None
    if run.exit is not None:
        ok = run.exit.ok if spec is None else succeeded(spec, run.exit)
    return RunEntry(
        run=run.run,
        alias=str(run.id),
        trigger=run.trigger,
        attempt=run.attempt,
        pid=run.pid,
        started=run.started,
        ended=run.ended,
        duration=None if run.ended is None else round(max(0.0, run.ended - run.started), 3),
        ok=ok,
        exit=_exit(run.exit),
    )


def _exit(exit: Exit | None) -> ExitEntry | None:
    if exit is None:
        return None
    return ExitEntry(str(exit), exit.code, exit.signal, exit.cpu, exit.max_rss)

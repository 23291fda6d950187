"""What the API shows, computed from a World.  Values only; the wire's names are the API's."""

from __future__ import annotations

import shlex

from msgspec import Struct

from .hosts import is_internal, shown_deps
from .model import Replica, State, Task
from .spec import Spec
from .world import World


class RunningRow(Struct, frozen=True):
    command: str
    pid: int
    alias: str


class TaskRow(Struct, frozen=True):
    """A task as the seed page shows it; times are whole unix seconds, None where there is none."""

    name: str
    cmd: str
    type: str
    replica: int
    user: str | None
    deps: list[str]
    interval: float
    last_time: int | None
    run_flag: bool
    start_time: int | None
    running: int
    group: str | None
    cron: str | None


class Listing(Struct, frozen=True):
    running: list[RunningRow]
    tasks: list[TaskRow]


def listing(world: World) -> Listing:
    running, tasks = [], []
    for name, task in world.tasks.items():
        if is_internal(name):
            continue
        replicas = world.replicas_of(name)
        live = [r for r in replicas if r.pid is not None]
        running += [
            RunningRow(command_text(task.spec), r.pid, str(r.id)) for r in live if r.pid is not None
        ]
        tasks.append(_row(task, replicas, len(live)))
    return Listing(running, tasks)


def command_text(spec: Spec) -> str:
    """Return the command as one would type it."""
    return spec.cmd if isinstance(spec.cmd, str) else shlex.join(spec.cmd)


def _row(task: Task, replicas: list[Replica], live: int) -> TaskRow:
    spec = task.spec
    waits = any(r.state is State.WAITING for r in replicas)
    scheduled = task.next_fire is not None and not any(r.alive for r in replicas)
    return TaskRow(
        name=spec.name,
        cmd=command_text(spec),
        type=spec.type.value,
        replica=spec.replicas,
        user=spec.user,
        deps=[dep.task for dep in shown_deps(spec)],
        interval=int(spec.interval) if spec.interval.is_integer() else spec.interval,
        last_time=None if task.last_time is None else int(task.last_time),
        run_flag=waits or scheduled,
        start_time=int(task.start_time),
        running=live,
        group=spec.group,
        cron=spec.schedule.cron,
    )

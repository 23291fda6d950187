"""Taking over what was saved: after the death of a manager, a stop of the service, a reboot."""

from __future__ import annotations

from collections.abc import Iterable

from . import firing
from .events import Rebooted, Start, Stop
from .model import Now, Replica, ReplicaId, State, Task
from .schedules import NextFire
from .stepper import Stepper


def restore(
    stepper: Stepper,
    task: Task,
    replicas: Iterable[Replica],
    next_fire: NextFire,
    now: Now,
    *,
    late: bool,
) -> None:
    """Take over a task as it was saved, and make up for fires that were missed.

    `late`: only the manager was away.
    """
    name, book = task.spec.name, stepper.book
    known = {r.id: r for r in replicas}
    goes_on = any(r.pending for r in known.values())
    restored = firing.restored(task, now, next_fire, late=late, goes_on=goes_on)
    book.add(restored)
    if not late:
        firing.note_missed(stepper, task, restored, now)
    stepper.look_for_lines_of(task.spec)
    regular = {ReplicaId(name, index) for index in range(task.spec.replicas)}
    for id in sorted(regular | known.keys()):
        r = known.get(id, Replica(id, since=now.wall))
        book.set_replica(r)
        if r.state is State.UP:
            stepper.watch(r, now)
    _go_through_with(stepper, task, new=not known, now=now)


def _go_through_with(stepper: Stepper, task: Task, *, new: bool, now: Now) -> None:
    """Do what the manager died in the middle of, once it had been saved."""
    name, book = task.spec.name, stepper.book
    if task.removing and not task.leaving:
        stepper.handle_all([Stop(id, "removed") for id in book.all_ids_of(name)], now)
    elif new and task.spec.starts_by_itself:
        stepper.handle_all([Start(id, "api") for id in book.ids_of(name)], now)


def rebooted(stepper: Stepper, now: Now) -> None:
    """The machine was started anew since the world was saved."""
    book = stepper.book
    stepper.handle_all([Rebooted(id) for id in book.replicas], now)
    for name, task in list(book.tasks.items()):
        if (task.spec.schedule.cron or "").strip().lower() == "@reboot" and task.spec.enabled:
            stepper.handle_all([Start(id, "reboot") for id in book.ids_of(name)], now)

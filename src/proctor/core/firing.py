"""A task's fires: when the next one is due, and what one does when it comes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from . import schedules
from .events import Start
from .model import Now, Replica, ReplicaId, Task
from .schedules import NextFire
from .stepper import Stepper


def armed(task: Task, fire: schedules.Fire | None) -> Task:
    """Return the task with its next fire."""
    if fire is None:
        return replace(task, next_fire=None, nominal=None)
    return replace(task, next_fire=fire.at, nominal=fire.nominal)


def fire(stepper: Stepper, name: str, next_fire: NextFire, now: Now) -> None:
    """The moment has come: arm the next fire, and do what this one is for."""
    task = stepper.book.tasks[name]
    following = schedules.following_fire(task, now.wall, next_fire)
    stepper.book.set_task(replace(armed(task, following), last_fire=task.nominal))
    run(stepper, name, "cron", now)


def run(stepper: Stepper, name: str, trigger: str, now: Now) -> None:
    """Begin the runs of one fire, as the overlap policy has it."""
    book = stepper.book
    task = book.tasks[name]
    match schedules.fired(task, book.replicas_of(name)):
        case schedules.Begin(indices, restart):
            begin(stepper, name, indices, trigger, now, restart=restart)
        case schedules.Wait():
            book.set_task(replace(task, queued=task.queued + 1))
            stepper.note(now, "schedule.queued", name)
        case schedules.Skip(why):
            book.set_task(replace(task, skipped=task.skipped + 1))
            stepper.note(now, "schedule.skipped", name, reason=why)


def run_queued(stepper: Stepper, name: str, now: Now) -> None:
    """Nothing of the task goes on any more: begin the fire that has waited for that."""
    task = stepper.book.tasks[name]
    stepper.book.set_task(replace(task, queued=task.queued - 1))
    begin(stepper, name, range(task.spec.replicas), "cron", now)


def begin(
    stepper: Stepper,
    name: str,
    indices: Iterable[int],
    trigger: str,
    now: Now,
    *,
    restart: bool = False,
) -> None:
    stepper.note(now, "schedule.fired", name)
    for index in indices:
        id = ReplicaId(name, index)
        if id not in stepper.book.replicas:
            stepper.book.set_replica(Replica(id, since=now.wall))
        if restart:
            stepper.restart(id, now, reason="replaced by the next run", trigger=trigger)
        else:
            stepper.handle(Start(id, trigger), now)


def note_missed(stepper: Stepper, before: Task, after: Task, now: Now) -> None:
    """Put on record that fires were missed, if they were, and what becomes of them."""
    if before.next_fire is None or before.next_fire > now.wall:
        return
    made_up = after.queued - before.queued
    if after is before:
        what = "one comes now"
    elif made_up:
        what = f"{made_up} run{'s' if made_up > 1 else ''} to make up for it"
    else:
        what = "nothing makes up for it"
    stepper.note(now, "schedule.missed", before.spec.name, reason=f"not running then; {what}")


def restored(task: Task, now: Now, next_fire: NextFire, *, late: bool, goes_on: bool) -> Task:
    """Return a task that was saved, with the fires that were missed since seen to.

    `goes_on`: something of it runs, or is to run: then one fire is due at once, and the overlap
    policy decides.  Otherwise they are queued, and run one after the other.
    """
    count = schedules.missed(task, now.wall, next_fire, late=late)
    if count and goes_on:
        return task
    if task.next_fire is None or task.next_fire > now.wall:
        return task
    following = schedules.following_fire(task, now.wall, next_fire)
    last = task.nominal if count else task.last_fire
    return replace(armed(task, following), queued=task.queued + count, last_fire=last)

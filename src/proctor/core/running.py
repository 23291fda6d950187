"""Having replicas run, or not, because somebody asks; and what becomes of their tasks' plans.

Rule: a task plans beyond the replicas (fires that wait, a rolling restart, a stop whose turn has
not come), and whoever asks for another thing of it ends or makes such plans here.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from . import changing, firing, leaving, schedules
from .blocking import Blocking
from .events import Start, Stop
from .model import STOPPED, Now, ReplicaId
from .stepper import Stepper


def start(stepper: Stepper, ids: Sequence[ReplicaId], trigger: str, now: Now) -> None:
    """Have these replicas run, each if it does not yet."""
    book = stepper.book
    for name in dict.fromkeys(id.task for id in ids):
        book.set_task(replace(book.tasks[name], start_time=now.wall, leaving=False))
    stepper.handle_all((Start(id, trigger) for id in ids), now)


def start_needed(
    stepper: Stepper, blocking: Blocking, ids: Sequence[ReplicaId], now: Now
) -> list[ReplicaId]:
    """Start what holds these replicas up and is at rest, and what that needs in turn; return it."""
    names = dict.fromkeys(id.task for id in ids)
    return [id for name in names for id in _start_needed(stepper, blocking, name, now)]


def _start_needed(stepper: Stepper, blocking: Blocking, name: str, now: Now) -> list[ReplicaId]:
    book = stepper.book
    started: list[ReplicaId] = []
    todo = [name]
    for waiting in todo:
        for b in blocking.of(waiting):
            # What is at rest is not being removed either: it would be forgotten.
            if b.final and b.task in book.tasks and not book.pending.get(b.task):
                ids = book.ids_of(b.task)
                start(stepper, ids, f"needed by {name}", now)
                started += ids
                todo.append(b.task)
    return started


def stop(stepper: Stepper, ids: Sequence[ReplicaId], reason: str, now: Now) -> None:
    """Have these replicas not run, and give up what their tasks planned."""
    for name in dict.fromkeys(id.task for id in ids):
        _drop_plans(stepper, name)
    stepper.handle_all((Stop(id, reason) for id in ids), now)


def stop_in_turn(stepper: Stepper, ids: Sequence[ReplicaId], now: Now) -> None:
    """Have these replicas not run; of several tasks a dependent ends before what it needs."""
    later = leaving.later(stepper.book, ids)
    stop(stepper, [id for id in ids if id.task not in later], STOPPED, now)
    for name in later:
        _drop_plans(stepper, name, in_turn=True)


def roll(stepper: Stepper, name: str, now: Now) -> None:
    """Restart the task's replicas, a few at a time, each when those before are ready.

    What has failed comes first: where that fails again, what runs is better left alone.
    """
    task, replicas = stepper.book.tasks[name], stepper.book.replicas_of(name)
    again = changing.given_another_try(replicas)
    stepper.handle_all([Start(r.id, "restart") for r in again], now)
    up, first = changing.running(task.spec, replicas), tuple(r.id.index for r in again)
    rolling = tuple(r.id.index for r in up)
    stepper.book.set_task(replace(task, rolling=rolling, rolled=first, roll_error=""))


def run_once(stepper: Stepper, name: str, trigger: str, now: Now) -> schedules.Decision:
    """Have the task run as if its schedule had fired; of what is to be skipped nothing is kept."""
    book = stepper.book
    decision = schedules.fired(book.tasks[name], book.replicas_of(name))
    if not isinstance(decision, schedules.Skip):
        book.set_task(replace(book.tasks[name], leaving=False))
        firing.run(stepper, name, trigger, now)
    return decision


def rearm(stepper: Stepper, name: str, fire: schedules.Fire | None, now: Now) -> None:
    """Stop what runs of a scheduled task, which waits for its next fire."""
    book = stepper.book
    stop(stepper, book.all_ids_of(name), "restarted", now)
    book.set_task(replace(firing.armed(book.tasks[name], fire), start_time=now.wall))


def remove(stepper: Stepper, name: str, now: Now) -> None:
    """Stop the task, in its turn if it has one; it does not fire any more."""
    book = stepper.book
    if not book.tasks[name].leaving:
        stop(stepper, book.all_ids_of(name), "removed", now)
    book.set_task(replace(firing.armed(book.tasks[name], None), removing=True))


def _drop_plans(stepper: Stepper, name: str, *, in_turn: bool = False) -> None:
    """Have no fire wait, and no restart go on; `in_turn`: the task ends when it is its turn."""
    task = stepper.book.tasks[name]
    stepper.book.set_task(replace(task, queued=0, rolling=(), rolled=(), leaving=in_turn))

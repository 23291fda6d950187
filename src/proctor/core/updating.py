"""What an update of a task does to what there is of it, once the task has its new spec."""

from __future__ import annotations

from . import changing
from .events import Start, Stop
from .model import Now, Replica, ReplicaId, State
from .spec import Spec
from .stepper import Stepper
from .update import CHECKS, Plan


def apply(stepper: Stepper, before: Spec, spec: Spec, difference: Plan, now: Now) -> None:
    """Have as much as the new spec says, and watch over it as that says.

    Runs that are to be replaced are not seen to here: that follows from the state.
    """
    stepper.look_for_lines_of(spec)
    _rescale(stepper, before, spec, now)
    _reschedule(stepper, before, spec, now)
    if any(getattr(before, name) != getattr(spec, name) for name in (*CHECKS, "timeout")):
        for r in stepper.book.replicas_of(spec.name):
            if r.state is State.UP:
                stepper.respecify(r, now)
    if difference.restarts:
        again = changing.given_another_try(stepper.book.replicas_of(spec.name))
        stepper.handle_all([Start(r.id, "update") for r in again], now)


def _rescale(stepper: Stepper, before: Spec, spec: Spec, now: Now) -> None:
    """What is beyond the number is stopped; what is new starts if the rest is wanted.

    A schedule starts its own, and what runs beside by its leave (overlap ALLOW) is no surplus.
    """
    book, name = stepper.book, spec.name
    running = any(book.replicas[id].wanted for id in book.all_ids_of(name))
    for index in range(spec.replicas, before.replicas):
        stepper.handle(Stop(ReplicaId(name, index), "scaled down"), now)
    for index in range(before.replicas, spec.replicas):
        id = ReplicaId(name, index)
        if id not in book.replicas:
            book.set_replica(Replica(id, since=now.wall))
        if running and not spec.is_scheduled:
            stepper.handle(Start(id, "scale"), now)


def _reschedule(stepper: Stepper, before: Spec, spec: Spec, now: Now) -> None:
    """What gets a schedule waits for it; what loses its schedule starts, as if it were new."""
    ids = stepper.book.ids_of(spec.name)
    if spec.is_scheduled and not before.is_scheduled:
        stepper.handle_all([Stop(id, "it has a schedule now") for id in ids], now)
    elif before.is_scheduled and not spec.is_scheduled and spec.enabled:
        stepper.handle_all([Start(id, "update") for id in ids], now)

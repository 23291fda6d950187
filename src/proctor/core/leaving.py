"""Stopping several tasks at once: who depends on another ends before it."""

from __future__ import annotations

from collections.abc import Sequence

from .model import ReplicaId
from .register import Register


def later(book: Register, ids: Sequence[ReplicaId]) -> set[str]:
    """Return the tasks that have to wait: one that depends on them is stopped too, and alive."""
    chosen = set(ids)
    names = {id.task for id in ids}
    return {
        name
        for name in names
        if any(other in names and book.alive.get(other) for other in book.dependents_of(name))
        and chosen.issuperset(r.id for r in book.replicas_of(name) if r.alive)
    }


def is_held(book: Register, name: str) -> bool:
    """Whether something that depends on the task is alive still, and to end before it."""
    return any(_leaves(book, other) for other in book.dependents_of(name))


def _leaves(book: Register, name: str) -> bool:
    if not book.alive.get(name):
        return False
    running = (r for r in book.replicas_of(name) if r.alive)
    return book.tasks[name].leaving or not any(r.wanted for r in running)

"""File watches: which files count, and what a change of one does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath

from . import graph
from .model import Replica, ReplicaId
from .register import Register
from .spec import Watch

NEVER = (".git", ".hg", ".svn", "__pycache__", "*.pyc", "*~", ".*.sw?", "4913", ".#*", "#*#")
"""What version control, Python and editors write beside what one edits."""


def concerns(watch: Watch, path: str) -> bool:
    """Whether a change of the file at that path (absolute) is one of the watched ones.

    A pattern fits a file if it fits its path below the watched folder, or any part of that: "*.py"
    and "build" mean what they do in a .gitignore.
    """
    below = _below(watch, path)
    if below is None or any(_fits(pattern, below) for pattern in (*NEVER, *watch.exclude)):
        return False
    return not watch.include or any(_fits(pattern, below) for pattern in watch.include)


def passes(watch: Watch, folder: str) -> bool:
    """Whether files in that folder (absolute) may be watched ones."""
    below = _below(watch, folder)
    return below is not None and not any(_fits(p, below) for p in (*NEVER, *watch.exclude))


def _below(watch: Watch, path: str) -> PurePath | None:
    """Return the path below what is watched; of a file that is watched itself its name."""
    given = PurePath(path)
    for top in watch.paths:
        if given == PurePath(top):
            return PurePath(given.name)
        if given.is_relative_to(top):
            return given.relative_to(top)
    return None


def _fits(pattern: str, below: PurePath) -> bool:
    return fnmatchcase(str(below), pattern) or any(fnmatchcase(p, pattern) for p in below.parts)


def affected(book: Register, name: str) -> list[ReplicaId]:
    """Return what a change of the task's files starts again: of it, and of its dependents if so
    asked for.

    What runs, or would; and what has ended or failed, which may go better now: but nothing that
    somebody has stopped, that was never started or that waits for its schedule.
    """
    watch = book.tasks[name].spec.watch
    dependents = graph.closure(book.dependents_of, name) if watch and watch.cascade else ()
    return [
        id
        for task in [name, *dependents]
        if task in book.tasks and not book.tasks[task].removing
        if not book.tasks[task].spec.is_scheduled
        for id in book.ids_of(task)
        if _goes_on(book.replicas[id])
    ]


def _goes_on(r: Replica) -> bool:
    return r.wanted or (r.run > 0 and not r.stopped)

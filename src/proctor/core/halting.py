"""The order in which everything is stopped: dependents before what they depend on."""

from __future__ import annotations

from collections.abc import Iterable

from .register import Register


class Halt:
    """Says which tasks nobody alive needs any more; everything that can be is stopped at once.

    A task is over when it is released and nothing of it is alive.  (Kahn's algorithm, one step
    whenever something has ended: each edge of the graph is looked at once.)
    """

    def __init__(self, book: Register) -> None:
        self._book = book
        self._deps = {
            name: [dep for dep in dict.fromkeys(task.spec.dep_names) if dep in book.tasks]
            for name, task in book.tasks.items()
        }
        self._needed_by = dict.fromkeys(self._deps, 0)
        for deps in self._deps.values():
            for dep in deps:
                self._needed_by[dep] += 1
        self._released: set[str] = set()
        self._over: set[str] = set()

    def begin(self) -> list[str]:
        """Return the tasks that are to be stopped first."""
        return self._release([name for name, count in self._needed_by.items() if count == 0])

    def go_on(self, touched: Iterable[str]) -> list[str]:
        """Return the tasks that are to be stopped now that something of `touched` has changed."""
        ended = [n for n in touched if n in self._released and not self._book.alive.get(n)]
        return self._release([name for end in ended for name in self._end(end)])

    def _release(self, names: list[str]) -> list[str]:
        alive = []
        for name in names:
            self._released.add(name)
            if self._book.alive.get(name):
                alive.append(name)
            else:
                names += self._end(name)
        return alive

    def _end(self, name: str) -> list[str]:
        """Note that a task is over; return what nobody needs any more for it."""
        if name in self._over:
            return []
        self._over.add(name)
        for dep in self._deps[name]:
            self._needed_by[dep] -= 1
        return [dep for dep in self._deps[name] if self._needed_by[dep] == 0]

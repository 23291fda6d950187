"""What holds tasks up, from all there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .checks import Checks
from .deps import Blocker, Needed, blocker
from .register import Register
from .spec import Dep, Until


class Blocking:
    """Knows what holds tasks up.

    `stuck` are those that are held up for good.  `_shaky` says of tasks with dependents whether
    they are not settled, or depend on such a one, plainly: who depends on them plainly has to wait.
    Both are kept up to date by `free`, so that a change costs no more than what it changes.
    """

    def __init__(self, book: Register, checks: Checks) -> None:
        self._book = book
        self._checks = checks
        self.stuck: set[str] = set()
        self._shaky: dict[str, bool] = {}

    def of(self, name: str) -> list[Blocker]:
        """Return what holds `name` up, nearest first, and what holds that up in turn."""
        return list(dict.fromkeys(self._walk(name)))

    def is_held(self, name: str) -> bool:
        return any(self._holds(dep) for dep in self._book.tasks[name].spec.deps)

    def free(self, touched: Iterable[str]) -> list[str]:
        """Return the waiting tasks that nothing holds up, of those that a change of `touched` may
        have set free.

        A task that turns out to be stuck, or is so no more, is touched, for its dependents' sake.
        """
        free = []
        for name in self._affected(touched):
            waits = bool(self._book.waiting.get(name))
            held = waits and self.is_held(name)
            stuck = held and self._is_stuck(name)
            if stuck != (name in self.stuck):
                (self.stuck.add if stuck else self.stuck.discard)(name)
                self._book.touch([name])
            if waits and not held:
                free.append(name)
        return free

    # Inside.

    def _affected(self, touched: Iterable[str]) -> list[str]:
        """Return what a change of `touched` may concern, once it is known what is shaky now."""
        affected = dict.fromkeys(touched)
        changed = list(affected)
        for name in changed:
            for dep in self._book.deps_of(name):
                if dep not in self._shaky:
                    self._shaky[dep] = self._is_shaky(dep)
            before = self._shaky.pop(name, None)
            dependents = self._book.dependents_of(name)
            if not dependents:
                continue
            affected.update(dict.fromkeys(dependents))
            self._shaky[name] = self._is_shaky(name)
            if self._shaky[name] != before:
                changed += dependents
        return list(affected)

    def _is_shaky(self, name: str) -> bool:
        task = self._book.tasks.get(name)
        if task is None:
            return False
        if self._blocker(Dep(name)) is not None:
            return True
        return any(_is_plain(dep) and self._shaky.get(dep.task) for dep in task.spec.deps)

    def _holds(self, dep: Dep) -> bool:
        if _is_plain(dep) and self._shaky.get(dep.task):
            return True
        return self._blocker(dep) is not None

    def _is_stuck(self, name: str) -> bool:
        own = [self._blocker(dep) for dep in self._book.tasks[name].spec.deps]
        found = [b for b in own if b is not None] or self._walk(name)
        return any(b.final for b in found)

    def _walk(self, name: str) -> Iterator[Blocker]:
        """Yield the blockers of `name`, of plain dependencies' own plain dependencies in turn, and
        of whatever waits itself.
        """
        todo = [(name, True)]
        seen = {name}
        for current, whole in todo:
            for dep in self._book.tasks[current].spec.deps:
                plain = _is_plain(dep)
                if not (whole or plain):
                    continue
                found = self._blocker(dep)
                if found is not None:
                    yield found
                if dep.task in seen or dep.task not in self._book.tasks:
                    continue
                waits = found is not None and bool(self._book.waiting.get(dep.task))
                if plain or waits:
                    seen.add(dep.task)
                    todo.append((dep.task, waits))

    def _blocker(self, dep: Dep) -> Blocker | None:
        replicas = self._book.replicas_of(dep.task)
        needed = Needed(self._book.tasks.get(dep.task), replicas, dep.task in self.stuck)
        matched = dep.pattern is not None and any(
            self._checks.has_line(r.id, dep.pattern) for r in replicas if r.run
        )
        return blocker(dep, needed, matched=matched)


def _is_plain(dep: Dep) -> bool:
    return dep.until is Until.SETTLED and dep.required

"""The script hosts that the world needs: there while a script task is, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from proctor.core.changes import Changes
from proctor.core.hosts import host_of, host_spec, is_internal, is_own_host
from proctor.core.model import Now, Task
from proctor.core.spec import Spec
from proctor.core.update import plan
from proctor.core.world import World


class Hosts:
    """Adds hosts to the world and removes them.

    `command(spec)` is how the host of a script is started.  `_stale`: a task may have let go of
    its host otherwise than by being removed.
    """

    def __init__(self, world: World, command: Callable[[Spec], tuple[str, ...]]) -> None:
        self._world = world
        self._command = command
        self._names: set[str] = set()
        self._stale = False

    def renewed(self, task: Task, specs: Mapping[str, Spec]) -> Task:
        """Return a task that was saved; a host's next start is as we start hosts today."""
        if not is_internal(task.spec.name):
            return task
        mine = (spec for spec in specs.values() if host_of(spec) == task.spec.name)
        script = next(mine, None)
        return task if script is None else replace(task, spec=self._spec(script))

    def restored(self, now: Now) -> None:
        """All tasks are there again: see to it that their hosts are."""
        tasks = list(self._world.tasks.values())
        self._names = {task.spec.name for task in tasks if is_internal(task.spec.name)}
        self._stale = True
        for task in tasks:
            if not task.removing:
                self.need(task.spec, now)

    def need(self, spec: Spec, now: Now) -> None:
        """See to it that the task's host is there; `tend` does, where one just goes."""
        self._stale = self._stale or spec.name in self._world.tasks
        name = host_of(spec)
        if name is None or self._world.halting:
            return
        found = self._world.tasks.get(name)
        if found is None:
            self._names.add(name)
            self._world.put(self._world.new_task(self._spec(spec), now), now)
        elif is_own_host(name) and not found.removing:
            host = self._spec(spec)
            if plan(found.spec, host).changes:
                self._world.update(host, now)

    def tend(self, changes: Changes, now: Now) -> bool:
        """Remove what no script needs any more, and return whether anything was done."""
        if not self._names or not (changes.removed or self._stale):
            return False
        self._stale = False
        gone = self._names & changes.removed
        self._names -= gone
        again = [spec for name in gone for spec in self._dependents(name)]
        for spec in again:
            self.need(spec, now)
        idle = [
            name
            for name in self._names - gone
            if not self._world.tasks[name].removing
            and not any(True for _ in self._dependents(name))
        ]
        for name in idle:
            self._world.remove(name, now)
        return bool(again or idle)

    def _dependents(self, host: str) -> Iterable[Spec]:
        for name in self._world.dependents_of(host):
            if name in self._world.tasks:
                yield self._world.tasks[name].spec

    def _spec(self, spec: Spec) -> Spec:
        return host_spec(spec, self._command(spec))

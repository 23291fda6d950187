"""Which replicas a verb acts on: names, `web:0`, globs, namespaces, labels.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from proctor.core.errors import BadSpec, UnknownTask
from proctor.core.hosts import is_internal
from proctor.core.model import ReplicaId, Task
from proctor.core.world import World

from .schemas.selection import SelectionRequest

Selected = Mapping[str, Sequence[ReplicaId]]
"""The chosen replicas of each task; all of a task's, if it was chosen as a whole."""


def select(world: World, wanted: SelectionRequest) -> Selected:
    """Return what is chosen, in the order of the tasks.  Raises UnknownTask if nothing is."""
    if not (wanted.tasks or wanted.namespaces or wanted.labels):
        raise BadSpec("`tasks` is missing, expected names, globs or `*` for all", field="tasks")
    chosen: dict[str, Sequence[ReplicaId]] = {}
    for selector in wanted.tasks or ["*"]:
        found = {
            n: ids for n, ids in select_one(world, selector).items() if _fits(world, n, wanted)
        }
        for name, ids in found.items():
            chosen[name] = sorted({*chosen.get(name, ()), *ids})
    if not chosen:
        raise UnknownTask("no task fits the selection", field="tasks")
    return chosen


def _fits(world: World, name: str, wanted: SelectionRequest) -> bool:
    spec = world.tasks[name].spec
    if wanted.namespaces and spec.namespace not in wanted.namespaces:
        return False
    return has_labels(spec.labels, wanted.labels.items())


def has_labels(labels: Mapping[str, str], wanted: Iterable[tuple[str, str | None]]) -> bool:
    """Whether all the wanted labels are there; None: with any value."""
    return all(name in labels and value in (None, labels[name]) for name, value in wanted)


def select_one(world: World, selector: str) -> Selected:
    """Return what one selector names.  Raises UnknownTask if a plain name or index is not there."""
    name, _, index = selector.partition(":")
    if is_glob(name):
        names = [n for n in world.tasks if fnmatchcase(n, name) and not is_internal(n)]
    else:
        world.task(name)
        names = [name]
    if index in ("", "*"):
        return {n: world.ids_of(n) for n in names}
    found = {n: [id for id in world.ids_of(n) if id.index == int(index)] for n in names}
    found = {n: ids for n, ids in found.items() if ids}
    if not found:
        raise UnknownTask(f"there is no replica {selector!r}", field="name")
    return found


def visible(world: World) -> list[str]:
    """Return the names of the tasks that users have made, and not we for them."""
    return [name for name in world.tasks if not is_internal(name)]


def know(world: World, name: str) -> Task:
    """Return the task.  Raises UnknownTask if there is none, or it is one of ours."""
    if is_internal(name):
        raise UnknownTask(f"no task is named {name[:200]!r}", field="name")
    return world.task(name)


def is_glob(name: str) -> bool:
    return any(sign in name for sign in "*?[")

"""In which order tasks are made what a file says, so that no dependency goes round in a circle.

The service refuses a circle at once, also one that the next task would have opened again.  So what
is depended on comes first, by the dependencies as they are in the end.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any


class Circle(ValueError):
    """The tasks of `way`, the last one the same as the first, each depend on the next."""

    def __init__(self, way: Sequence[str]) -> None:
        self.way = way
        super().__init__(f"dependency cycle: {' -> '.join(way)}")


def deps_first(deps: Mapping[str, Iterable[str]]) -> list[str]:
    """Return all names, each behind what it depends on.  Raises Circle."""
    try:
        return list(TopologicalSorter(deps).static_order())
    except CycleError as error:
        raise Circle(error.args[1][::-1]) from None


def deps_of(values: Mapping[str, Any]) -> list[str]:
    """Return the names of what a task depends on, however it says so: "db", "db:ready", a table."""
    given = [dep["task"] if isinstance(dep, dict) else dep for dep in values.get("deps", ())]
    return [str(name).partition(":")[0] for name in given]

"""Selectors as one types them, as the API takes them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from .errors import ClientError, NothingSelected
from .models import TaskSummary


class Selection(Struct, frozen=True):
    """Tasks by name, glob or replica; of them those in the namespaces, with all the labels."""

    tasks: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    labels: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        parts = {"tasks": self.tasks, "namespaces": self.namespaces, "labels": self.labels}
        return {name: part for name, part in parts.items() if part}

    def matches(self, task: TaskSummary) -> bool:
        """Whether the task, or a replica of it, is meant."""
        names = [pattern.partition(":")[0] for pattern in self.tasks]
        return (
            (not names or any(fnmatchcase(task.name, name) for name in names))
            and (not self.namespaces or task.namespace in self.namespaces)
            and self.labels.items() <= task.labels.items()
        )

    def unmatched(self, tasks: Iterable[TaskSummary]) -> list[str]:
        """Return the selectors by name that no task fits."""
        names = [task.name for task in tasks]
        found = {p for p in self.tasks if any(fnmatchcase(n, p.partition(":")[0]) for n in names)}
        return [pattern for pattern in self.tasks if pattern not in found]


def parse(selectors: Sequence[str]) -> Selection:
    """Return what "web", "web:0", "web*", "ns=shop" and "label=tier=front" select together.

    Raises ClientError.
    """
    tasks, namespaces, labels = [], [], {}
    for selector in selectors:
        kind, equals, rest = selector.partition("=")
        if not equals:
            tasks.append(selector)
        elif kind in ("ns", "namespace"):
            namespaces.append(rest)
        elif kind == "label" and "=" in rest:
            name, _, value = rest.partition("=")
            labels[name] = value
        else:
            known = "a name, web:0, a glob, ns=NAME or label=NAME=VALUE"
            raise ClientError(f"{selector!r} selects nothing (expected {known})")
    return Selection(tuple(tasks), tuple(namespaces), labels)


def names_of(tasks: Sequence[TaskSummary], selectors: Sequence[str]) -> list[str]:
    """Return the names of what was found.  Raises NothingSelected if that is nothing."""
    if not tasks:
        raise NothingSelected(f"no task fits {' '.join(selectors)}")
    return [task.name for task in tasks]

"""Laying tables over one another, with the source of every value.

A task's values are kept flat, by path: {("env", "PORT"): Leaf("8080", source)}.  What lies higher
replaces what is at the same path, or beneath it if it is no table; tables are merged key by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .documents import Document, dotted
from .fields import FOLDER_PATHS
from .positions import line_of

TaskPath = tuple[str, ...]


class Source(Struct, frozen=True):
    """Where a value is written: `table` is "defaults", "templates.base", "tasks.web" ...

    Without a file it is not written anywhere, and `table` says why it holds.
    """

    table: str
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.file is None:
            return self.table
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{place} [{self.table}]"


class Leaf(Struct, frozen=True):
    """A value that is no table, or an empty table."""

    value: Any
    source: Source


Leaves = dict[TaskPath, Leaf]


def table_leaves(document: Document, at: tuple[str, ...]) -> Leaves:
    """Return what the document says in the table at that path; nothing if it has none."""
    table: Any = document.tree
    for key in at:
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return {}
    return {
        path: Leaf(
            _absolute(path, value, document.folder),
            Source(dotted(at), document.file, line_of(document.lines, (*at, *path))),
        )
        for path, value in _flat(table)
        if path[0] != "template"
    }


def overlay(layers: Iterable[Leaves]) -> Leaves:
    """Return all layers in one, the later above the earlier."""
    result: Leaves = {}
    for layer in layers:
        for path, leaf in layer.items():
            _put(result, path, leaf)
    return result


def tree(leaves: Mapping[TaskPath, Leaf]) -> dict[str, Any]:
    """Return the values as nested tables."""
    root: dict[str, Any] = {}
    for path, leaf in leaves.items():
        table = root
        for key in path[:-1]:
            table = table.setdefault(key, {})
        table[path[-1]] = dict(leaf.value) if isinstance(leaf.value, dict) else leaf.value
    return root


def _put(leaves: Leaves, path: TaskPath, leaf: Leaf) -> None:
    for length in range(1, len(path)):
        leaves.pop(path[:length], None)
    beneath = [p for p in leaves if len(p) > len(path) and p[: len(path)] == path]
    if beneath and leaf.value == {}:
        return
    for gone in beneath:
        del leaves[gone]
    leaves.pop(path, None)
    leaves[path] = leaf


def _flat(table: dict[str, Any], at: TaskPath = ()) -> Iterable[tuple[TaskPath, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, (*at, key))
        else:
            yield (*at, key), value


def _absolute(path: TaskPath, value: Any, folder: Path) -> Any:
    """Return the value; if it is a path, one that means the same from anywhere."""
    if path not in FOLDER_PATHS:
        return value
    if isinstance(value, list):
        return [_absolute(path, item, folder) for item in value]
    # normpath, not resolve: a link in it is to be followed when it is used, not now.
    return _normal(folder / value) if isinstance(value, str) and value else value


def _normal(path: Path) -> str:
    import os.path

    return os.path.normpath(path)

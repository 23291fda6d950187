"""Whether a file has only keys that mean something, in tables where tables belong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .documents import Document
from .fields import task_type, unknown_keys
from .problems import Problem, suggestion

TOP = ("include", "defaults", "templates", "tasks", "profiles")
PROFILE = ("defaults", "tasks")
Place = tuple[str, ...]


def check_document(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with the document on its own, whatever other files say."""
    tree = document.tree
    yield from _only(document, tree, (), TOP)
    for place, table, templated in _task_tables(document):
        if not isinstance(table, dict):
            yield document.problem(place, f"expected a table, got {_kind(table)}")
            continue
        yield from _check_task(document, place, table, templated)
    for name, profile in _tables(tree.get("profiles")):
        if isinstance(profile, dict):
            yield from _only(document, profile, ("profiles", name), PROFILE)


def _task_tables(document: Document) -> Iterator[tuple[Place, Any, bool]]:
    """Yield each table that holds fields of a task, and whether it may name templates."""
    tree = document.tree
    if "defaults" in tree:
        yield ("defaults",), tree["defaults"], False
    for group in ("templates", "tasks"):
        yield from _named(tree.get(group, {}), (group,))
    profiles = tree.get("profiles", {})
    if not isinstance(profiles, dict):
        yield ("profiles",), profiles, False
    for name, profile in _tables(profiles):
        if not isinstance(profile, dict):
            yield ("profiles", name), profile, False
            continue
        if "defaults" in profile:
            yield ("profiles", name, "defaults"), profile["defaults"], False
        yield from _named(profile.get("tasks", {}), ("profiles", name, "tasks"))


def _named(tables: Any, at: Place) -> Iterator[tuple[Place, Any, bool]]:
    if not isinstance(tables, dict):
        yield at, tables, False
    for name, table in _tables(tables):
        yield (*at, name), table, True


def _tables(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()


def _check_task(
    document: Document, place: Place, table: dict[str, Any], templated: bool
) -> Iterator[Problem]:
    fields = {key: value for key, value in table.items() if key != "template" or not templated}
    if "name" in fields:
        del fields["name"]
        message = "a task's name is that of its table: [tasks.NAME]"
        yield document.problem((*place, "name"), message)
    if templated and not _is_names(table.get("template", [])):
        message = "expected a template's name, or a list of them"
        yield document.problem((*place, "template"), message)
    for path, known in unknown_keys(fields, task_type()):
        names = [name for name in known if name != "name"]
        if templated and len(path) == 1:
            names.append("template")
        hint = suggestion(str(path[-1]), names)
        yield document.problem((*place, *path), f"there is no such field{hint}")


def _is_names(value: Any) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _only(
    document: Document, table: dict[str, Any], at: Place, known: tuple[str, ...]
) -> Iterator[Problem]:
    for key in table:
        if key not in known:
            hint = suggestion(key, known)
            yield document.problem((*at, key), f"there is no such table{hint}")


def _kind(value: Any) -> str:
    names = {"str": "text", "int": "a number", "float": "a number", "list": "a list"}
    return names.get(type(value).__name__, "nothing" if value is None else str(value))

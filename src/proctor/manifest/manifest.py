"""The tasks of a file as they are in the end: defaults, templates and profiles applied.

From the weakest to the strongest: what holds where nothing is said; `[defaults]`; the defaults of
the profiles; the templates, in the order named; `[tasks.NAME]`; the profiles' `tasks.NAME`.  In
each, a file is stronger than what it includes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from proctor.api.schemas import EXPECTED, SpecLimits, to_spec
from proctor.api.schemas.to_request import HIDDEN, is_secret
from proctor.core.errors import ProctorError

from .checks import check_document
from .documents import Document, dotted, read_all
from .fields import TASK
from .layers import Leaf, Leaves, Source, TaskPath, overlay, table_leaves, tree
from .problems import ManifestError, Problem, suggestion

ANY = SpecLimits(max_replicas=1_000_000)
"""What the service's own settings forbid, it says itself."""


class Entry(Struct, frozen=True):
    """A task: `values` is what the API takes, without the name; `leaves` the same with sources."""

    name: str
    leaves: Leaves
    values: dict[str, Any]


class Manifest(Struct, frozen=True):
    """A file that was found right; `file` is absolute, `tasks` in the order of the file."""

    file: Path
    tasks: dict[str, Entry]
    profiles: tuple[str, ...]


def load(file: Path, profiles: Sequence[str] = ()) -> Manifest:
    """Read the file and all it includes.  Raises ManifestError with everything that is wrong."""
    return build(file, read_all(file), profiles)


def build(file: Path, documents: list[Document], profiles: Sequence[str] = ()) -> Manifest:
    """Return the tasks of `documents`, of which `file` is the last.  Raises ManifestError."""
    if problems := [problem for document in documents for problem in check_document(document)]:
        raise ManifestError(problems)
    plan = _Plan(file, documents, tuple(profiles))
    problems += plan.check_profiles()
    tasks: dict[str, Entry] = {}
    for name in plan.names():
        try:
            tasks[name] = plan.entry(name)
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    return Manifest(file.absolute(), tasks, tuple(profiles))


class _Plan(Struct, frozen=True):
    file: Path
    documents: list[Document]
    profiles: tuple[str, ...]

    def check_profiles(self) -> Iterator[Problem]:
        known = {name for d in self.documents for name in d.tree.get("profiles", {})}
        for profile in self.profiles:
            if profile not in known:
                hint = suggestion(profile, known)
                yield Problem(self.file, None, "profiles", f"no profile `{profile}`{hint}")

    def names(self) -> list[str]:
        """Return the tasks there are, in the order in which they are first written."""
        places = [("tasks",), *(("profiles", profile, "tasks") for profile in self.profiles)]
        tables = (_get(d.tree, place) or {} for place in places for d in self.documents)
        return list(dict.fromkeys(name for table in tables for name in table))

    def entry(self, name: str) -> Entry:
        leaves = _with_type(overlay(self._layers(name)))
        entry = Entry(name, leaves, tree(leaves))
        if problem := self._invalid(entry):
            raise ManifestError([problem])
        return entry

    def _layers(self, name: str) -> Iterator[Leaves]:
        yield built_in(self.file)
        yield from self._everywhere("defaults")
        for profile in self.profiles:
            yield from self._everywhere("profiles", profile, "defaults")
        for template in self._templates(self._places(name), ()):
            yield from self._everywhere("templates", template)
        for place in self._places(name):
            yield from self._everywhere(*place)

    def _places(self, name: str) -> list[tuple[str, ...]]:
        return [("tasks", name), *(("profiles", p, "tasks", name) for p in self.profiles)]

    def _everywhere(self, *at: str) -> Iterator[Leaves]:
        return (table_leaves(document, at) for document in self.documents)

    def _templates(self, places: list[tuple[str, ...]], using: tuple[str, ...]) -> Iterator[str]:
        """Yield the templates to apply, each after those it is made from."""
        document, at, names = self._named_templates(places)
        for name in names:
            if name in using:
                circle = " -> ".join((*using[using.index(name) :], name))
                message = f"templates go round in a circle: {circle}"
                raise ManifestError([document.problem(at, message)])
            known = {n for d in self.documents for n in d.tree.get("templates", {})}
            if name not in known:
                message = f"no template `{name}`{suggestion(name, known)}"
                raise ManifestError([document.problem(at, message)])
            yield from self._templates([("templates", name)], (*using, name))
            yield name

    def _named_templates(
        self, places: list[tuple[str, ...]]
    ) -> tuple[Document, tuple[str, ...], list[str]]:
        """Return what the strongest of these tables says, and where it says it."""
        found: tuple[Document, tuple[str, ...], list[str]] = (self.documents[-1], (), [])
        for place in places:
            for document in self.documents:
                given = _get(document.tree, (*place, "template"))
                if given is not None:
                    names = [given] if isinstance(given, str) else given
                    found = document, (*place, "template"), names
        return found

    def _invalid(self, entry: Entry) -> Problem | None:
        try:
            to_spec(msgspec.convert({"name": entry.name, **entry.values}, TASK), ANY)
        except msgspec.ValidationError as error:
            path, message = readable(error)
            return self.locate(entry, path, message)
        except ProctorError as error:
            return self.locate(entry, _keys(error.field or ""), str(error))
        return None

    def locate(self, entry: Entry, path: TaskPath, message: str) -> Problem:
        """Return the problem at the place where the offending value is written."""
        where = dotted(("tasks", entry.name, *path))
        source = nearest(entry.leaves, path)
        if source is None or source.file is None:
            document = next(
                (d for d in reversed(self.documents) if _get(d.tree, ("tasks", entry.name))),
                self.documents[-1],
            )
            here = document.problem(("tasks", entry.name), message)
            return Problem(here.file, here.line, where, message)
        if source.table != dotted(("tasks", entry.name)):
            message += f" (from [{source.table}])"
        return Problem(source.file, source.line, where, message)


def without_secrets(entry: Entry) -> Leaves:
    """Return the task's leaves, those hidden that the API would not show."""
    named = entry.values.get("secret_env") or ()
    secret = {p for p in entry.leaves if p[:-1] == ("env",) and is_secret(p[-1], named)}
    return {
        path: replace(leaf, value=HIDDEN) if path in secret else leaf
        for path, leaf in entry.leaves.items()
    }


def built_in(file: Path) -> Leaves:
    """Return what holds where nothing is said."""
    folder = str(file.absolute().parent)
    return {
        ("type",): Leaf("daemon", Source("default")),
        ("replica",): Leaf(1, Source("default")),
        ("cwd",): Leaf(folder, Source("the folder of the file")),
    }


def _with_type(leaves: Leaves) -> Leaves:
    """Have a task be scheduled if it has a schedule and nobody says what it is."""
    unsaid = leaves[("type",)].source == Source("default")
    if unsaid and ("cron",) in leaves:
        return {**leaves, ("type",): Leaf("cron", Source("default, for it has `cron`"))}
    return leaves


def nearest(leaves: Leaves, path: TaskPath) -> Source | None:
    """Return the source of the value at that path, or of the first one around or beneath it."""
    for length in range(len(path), 0, -1):
        part = path[:length]
        for at, leaf in leaves.items():
            if at[:length] == part:
                return leaf.source
    return None


def readable(error: msgspec.ValidationError) -> tuple[TaskPath, str]:
    """Split "Expected `int`, got `str` - at `$.env[...]`" into its path and its message."""
    text, _, place = str(error).partition(" - at `$")
    path = _keys(place)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text):
        return (*path, missing[1]), "missing"
    if text.startswith("Expected"):
        text = "e" + text[1:]
    if "matching regex" in text and (words := EXPECTED.get(dotted(path))):
        return path, f"expected {words}"
    if text.startswith("expected `str") and text.endswith(("got `int`", "got `float`")):
        text += " (write it in quotes)"
    return path, text


def _keys(place: str) -> TaskPath:
    """Return the keys of "watch.paths[0]", without the numbers."""
    return tuple(re.findall(r"[A-Za-z_]\w*", place))


def _get(table: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table

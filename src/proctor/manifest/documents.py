"""Reading files: TOML or YAML into a tree of plain values, with the line of each key."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from .positions import Path as KeyPath
from .positions import line_of, toml_lines
from .problems import ManifestError, Problem

NAMES = ("proctor.toml", "proctor.yaml", "proctor.yml")
YAML = {".yaml", ".yml"}


class Document(Struct, frozen=True):
    """One file; its name is as it was given, `folder` absolute."""

    file: Path
    tree: dict[str, Any]
    lines: dict[KeyPath, int] = {}

    @property
    def folder(self) -> Path:
        return self.file.absolute().parent

    def problem(self, path: KeyPath, message: str) -> Problem:
        return Problem(self.file, line_of(self.lines, path), dotted(path), message)


def find(folder: Path) -> Path | None:
    """Return the file of that folder, if it has one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_all(file: Path) -> list[Document]:
    """Return the file and what it includes, what is included before what includes it.

    A file that several include is read once.  Raises ManifestError.
    """
    documents: dict[Path, Document | None] = {}
    _include(file, documents)
    return [document for document in documents.values() if document is not None]


def dotted(path: KeyPath) -> str:
    """Return the path as one would write it: tasks.web.cmd[0]."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if text else key
    return text


def _include(file: Path, documents: dict[Path, Document | None]) -> None:
    real = file.resolve()
    if real in documents:
        return
    documents[real] = None  # so that a circle ends
    document = read(file)
    for included in _includes(document):
        _include(included, documents)
    del documents[real]
    documents[real] = document


def _includes(document: Document) -> Iterator[Path]:
    given = document.tree.get("include", [])
    patterns = [given] if isinstance(given, str) else given
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise ManifestError([document.problem(("include",), "expected a list of file names")])
    for pattern in patterns:
        if any(sign in pattern for sign in "*?["):
            yield from _matches(document, pattern)
        else:
            yield document.file.parent / pattern


def _matches(document: Document, pattern: str) -> list[Path]:
    """Return the files a pattern stands for; none is fine: a conf.d may be empty."""
    root = Path(pattern).anchor
    folder = Path(root) if root else document.file.parent
    try:
        return sorted(folder.glob(pattern.removeprefix(root)))
    except (ValueError, NotImplementedError) as error:
        raise ManifestError([document.problem(("include",), f"{pattern!r}: {error}")]) from None


def read(file: Path) -> Document:
    """Raises ManifestError."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError([Problem(file, None, "", error.strerror or str(error))]) from None
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}"
        raise ManifestError([Problem(file, None, "", message)]) from None
    return parse(text, file)


def parse(text: str, file: Path) -> Document:
    """Raises ManifestError."""
    return _parse_yaml(text, file) if file.suffix in YAML else _parse_toml(text, file)


def _parse_toml(text: str, file: Path) -> Document:
    import tomllib

    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError([_not_toml(file, str(error))]) from None
    return Document(file, _plain(tree), toml_lines(text))


def _not_toml(file: Path, text: str) -> Problem:
    """Take "Invalid value (at line 1, column 5)" apart; only Python 3.14 has it in parts."""
    match = re.fullmatch(r"(.*) \(at line (\d+), (column \d+)\)", text, re.DOTALL)
    if match is None:
        return Problem(file, None, "", f"not TOML: {text}")
    return Problem(file, int(match[2]), "", f"not TOML: {match[1]} ({match[3]})")


def _parse_yaml(text: str, file: Path) -> Document:
    try:
        import yaml
    except ImportError:
        message = "reading YAML needs PyYAML: pip install 'proctor[yaml]'"
        raise ManifestError([Problem(file, None, "", message)]) from None
    from .yaml_tree import YamlFault, compose

    try:
        tree, lines = compose(text)
    except YamlFault as fault:
        raise ManifestError([Problem(file, fault.line, "", str(fault))]) from None
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise ManifestError([Problem(file, line, "", f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        message = f"not YAML: {' '.join(str(error).split())}"
        raise ManifestError([Problem(file, None, "", message)]) from None
    return Document(file, _plain(tree), lines)


def _plain(value: Any) -> Any:
    """Return the value with times as text, which is how JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value

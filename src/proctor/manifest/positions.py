"""On which line of a TOML text each key stands.

The standard library's parser does not say.  This scanner runs after it, so it may take for granted
that the text is TOML 1.0 and has only to find its way: keys, strings, brackets and comments.
"""

from __future__ import annotations

import re
from collections import defaultdict

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def toml_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, of each key and table; the elements of arrays have numbers."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of the nearest thing that encloses `path` and has one."""
    while path:
        if (line := lines.get(path)) is not None:
            return line
        path = path[:-1]
    return None


class _Scanner:
    """The text and how far it is read; `_tables` counts the elements of arrays of tables."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._tables: defaultdict[Path, int] = defaultdict(int)

    def document(self) -> None:
        table: Path = ()
        while self._blank():
            if self._next("[["):
                table = self._element(self._keys())
                self._skip("]]")
            elif self._next("["):
                table = self._place(self._keys())
                self._skip("]")
            else:
                self._pair(table)
                continue
            self.lines.setdefault(table, self._line)

    def _element(self, keys: list[str]) -> Path:
        path = self._place(keys, last=False)
        self._tables[path] += 1
        return (*path, self._tables[path] - 1)

    def _place(self, keys: list[str], last: bool = True) -> Path:
        """Return the path that a header names: in an array of tables, its newest element."""
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            if path in self._tables and (last or number < len(keys)):
                path = (*path, self._tables[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = (*table, *self._keys())
        for length in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        self._skip("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._blank()
        if self._next("{"):
            while not self._closed("}"):
                self._pair(path)
        elif self._next("["):
            number = 0
            while not self._closed("]"):
                self.lines[(*path, number)] = self._line
                self._value((*path, number))
                number += 1
        elif not self._take(_STRING):
            self._take(_SCALAR)

    def _closed(self, bracket: str) -> bool:
        """Whether the bracket comes next, after a comma or not."""
        self._blank()
        if self._next(","):
            self._blank()
        return self._next(bracket)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._blank()
            keys.append(self._key())
            self._blank()
            if not self._next("."):
                return keys

    def _key(self) -> str:
        if text := self._take(_STRING):
            import tomllib

            return next(iter(tomllib.loads(f"{text} = 0")))
        return self._take(_BARE_KEY)

    def _blank(self) -> bool:
        """Skip what means nothing; whether anything is left."""
        self._take(_BLANK)
        return self._at < len(self._text)

    def _next(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _skip(self, token: str) -> None:
        self._blank()
        if not self._next(token):
            raise AssertionError(f"line {self._line}: no {token!r} in what was read as TOML")

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]

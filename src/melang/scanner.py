"""Text to tokens, the preprocessor included: directives may stand anywhere.

A token is (kind, text, position).  The kind of a name is "name", of literals
"int", "real" and "string", of the end "end"; of keywords, operators and
punctuation it is the text itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from . import source
from .errors import CompileError

Token = tuple[str, bytes, int]

KEYWORDS = frozenset(
    (
        "if",
        "else",
        "fi",
        "while",
        "for",
        "switch",
        "case",
        "default",
        "continue",
        "break",
        "return",
        "goto",
        "nil",
        "true",
        "false",
    )
)
_TOKEN = re.compile(
    rb"(?P<space>[ \t\n]+|//[^\n]*)"
    rb"|(?P<name>_?[A-Za-z0-9][A-Za-z0-9_]*|__[A-Za-z0-9_]*)"
    rb"|(?P<raw>'[^']*')"
    rb'|(?P<string>"[^"\\]*(?:\\[\s\S][^"\\]*)*")'
    rb"|(?P<comment>/\*)"
    rb"|(?P<directive>#[A-Za-z0-9_]*)"
    rb"|(?P<sign><<=|>>=|&&|\|\||==|!=|<=|>=|<<|>>|\+\+|--|[-+*/%&|^]=|~="
    rb"|[-+*/%!~&|^<>=.,;:()\[\]{}@$?\\`_])"
)
# What is not needed for every script is compiled at its first use.
_NUMBER = rb"[0-9][A-Za-z0-9_.]*"
_ESCAPES = {
    34: b'"', 39: b"'", 92: b"\\", 110: b"\n", 116: b"\t", 98: b"\b",
    97: b"\a", 102: b"\f", 114: b"\r", 101: b"\x1b", 118: b"\v",
}  # fmt: skip
_KINDS = {text.encode(): text for text in KEYWORDS}
_WORD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
_NAMED = rb"[ \t]*([A-Za-z0-9_][^ \t\n]*)"  # what #define and #undef are about
_CONDITION = rb"[ \t]*(!?)([^ \t\n]*)"
_VALUE = rb"[ \t]*((?:\\\n|[^\n])*)"
_PATH = rb"[ \t]*\"([^\"]*)\""
MAX_TOKENS = 300_000  # compiling takes 2 KB of memory for each


class _Input:
    """A text being read; `fixed` is the position of all its tokens (a macro's).

    `name` is how the text was asked for, `path` where it is.
    """

    __slots__ = ("base", "fixed", "line", "name", "offset", "path", "text")

    def __init__(self, name: str, text: bytes, base: int, fixed: int = 0, path: str = "") -> None:
        self.name = name
        self.path = path
        self.text = text
        self.base = base
        self.fixed = fixed
        self.line = 1
        self.offset = 0

    def position(self) -> int:
        return self.fixed or self.base + self.line


class Scanner:
    """The tokens of one unit."""

    def __init__(self, sources: source.Sources, name: str, text: bytes) -> None:
        self.sources = sources
        self.macros: dict[bytes, bytes] = {b"1": b"", b"true": b""}
        self.conditions: list[bool] = []  # of the open #ifs: whether their text counts
        self.skipping = 0  # how many of them say no
        self.bytes_read = 0
        self.inputs: list[_Input] = []
        self.named = name != " "  # a file, not a string given to Eval
        self._open(name, text, 0, name)

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens, the end last.  Raises CompileError."""
        count = 0
        match = _TOKEN.match
        while self.inputs:
            here = self.inputs[-1]
            text, end = here.text, len(here.text)
            while here.offset < end:
                found = match(text, here.offset)
                if found is None:
                    self._reject(here)
                    raise AssertionError("rejecting raises")
                kind = found.lastgroup
                start, here.offset = here.offset, found.end()
                if kind == "space":
                    here.line += text.count(b"\n", start, here.offset)
                    continue
                if kind == "comment":
                    self._skip_comment(here)
                    continue
                if kind == "directive" and here.offset > start + 1:
                    self._directive(here, text[start + 1 : here.offset])
                    if self.inputs[-1] is not here:
                        break
                    continue
                token = self._token(here, kind or "", found.group(), start)
                if not self.skipping:
                    count += 1
                    if count > MAX_TOKENS:
                        raise self._error(here, "Program is too long.", b"")
                    yield token
            if here.offset >= end and self.inputs[-1] is here:
                self.inputs.pop()
        yield ("end", b"", 0)

    def _token(self, here: _Input, kind: str, text: bytes, start: int) -> Token:
        if kind == "sign":
            return (text.decode(), text, here.position())
        if kind == "directive":
            return ("@", text, here.position())  # a lone `#`
        if kind == "name":
            if text[0] in b"0123456789":
                return self._number(here, start, here.position())
            return (_KINDS.get(text, "name"), text, here.position())
        here.line += text.count(b"\n")  # a string belongs to the line in which it ends
        if kind == "raw":
            return ("string", text[1:-1], here.position())
        return ("string", self._unescape(here, text[1:-1]), here.position())

    def _number(self, here: _Input, start: int, position: int) -> Token:
        found = re.compile(_NUMBER).match(here.text, start)
        assert found is not None
        text = found.group()
        here.offset = found.end()
        kind, complaint = _number_kind(text)
        if complaint:
            raise self._error(here, complaint, text)
        return (kind, text, position)

    def _unescape(self, here: _Input, text: bytes) -> bytes:
        if b"\\" not in text:
            return text
        pieces = []
        start = 0
        while (at := text.find(b"\\", start)) >= 0:
            pieces.append(text[start:at])
            escaped = _ESCAPES.get(text[at + 1]) if at + 1 < len(text) else None
            if escaped is None:
                here.line -= text.count(b"\n", at)
                raise self._error(here, "Invalid character.", b"".join(pieces))
            pieces.append(escaped)
            start = at + 2
        pieces.append(text[start:])
        return b"".join(pieces)

    def _skip_comment(self, here: _Input) -> None:
        """Skip to the end of a block comment.

        Stars are consumed in pairs: an even run of them before the slash does not
        end it, as in the original.  One that never ends, ends with the file.
        """
        text = here.text
        at = here.offset
        while True:
            star = text.find(b"*", at)
            if star < 0:
                at = len(text)
                break
            if text[star + 1 : star + 2] == b"/":
                at = star + 2
                break
            at = star + 2
        here.line += text.count(b"\n", here.offset, at)
        here.offset = at

    def _reject(self, here: _Input) -> None:
        """Raise the error for what is no token: a string without end or a bad character."""
        text = here.text[here.offset :]
        if text[:1] == b'"':
            here.line += text.count(b"\n")
            self._unescape(here, text[1:])
        if text[:1] in (b"'", b'"'):
            shown = text[1:] if len(text) < 2000 else text[1:2000]
            raise CompileError(
                here.name,
                here.line,
                "Invalid end of file.",
                f'ERROR: Get token error. 1: Invalid end of file. "{shown.decode("latin-1")}"',
            )
        raise self._error(here, "Invalid character.", text[:1])

    def _error(self, here: _Input, reason: str, text: bytes) -> CompileError:
        file, line = self.sources.where(here.position())
        start = f"{file}:{line}" if self.named else str(line)
        shown = f' "{text.decode("latin-1")}"' if text else ""
        report = f"ERROR: Get token error. {start}: {reason}{shown}"
        return CompileError(file, line, f"{reason}{shown}", report)

    def _directive(self, here: _Input, name: bytes) -> None:
        """Obey a directive, or insert a macro."""
        handler = _DIRECTIVES.get(name)
        if handler is not None:
            handler(self, here)
        else:
            self._insert(here, name)

    def _insert(self, here: _Input, name: bytes) -> None:
        text = self.macros.get(name)
        if text is None:
            raise self._error(here, "Unknown macro.", name)
        key = f"#{name.decode()}"
        if any(opened.name == key for opened in self.inputs):
            raise self._error(here, "Macro infinite loop.", name)
        self.inputs.append(_Input(key, text, 0, here.position()))

    def _read(self, here: _Input, pattern: bytes) -> re.Match[bytes]:
        """Read what a directive is about; there must be something in the same line."""
        text = here.text
        at = here.offset
        while text[at : at + 1] in (b" ", b"\t"):
            at += 1
        if at >= len(text):
            raise self._error(here, "Invalid end of file.", b"")
        if text[at] == 10:
            raise self._error(here, "Invalid end of line.", b"")
        found = re.compile(pattern).match(text, here.offset)
        if found is None:
            raise self._error(here, "Invalid character.", b"")
        here.offset = found.end()
        return found

    def _end_word(self, here: _Input) -> bytes:
        """Skip and return the blank or newline behind a word; the original does not count it."""
        end = here.text[here.offset : here.offset + 1]
        here.offset += len(end)
        return end

    def _define(self, here: _Input) -> None:
        name = self._read(here, _NAMED).group(1)
        end = self._end_word(here)
        if self.skipping:
            return
        if name in self.macros:
            raise self._error(here, "Succeed.", name)
        text = b""
        if end in (b" ", b"\t"):
            found = re.compile(_VALUE).match(here.text, here.offset)
            assert found is not None
            text = found.group(1).replace(b"\\\n", b"")
            here.offset = found.end()
            self._end_word(here)
        self.macros[name] = text

    def _undef(self, here: _Input) -> None:
        self.macros.pop(self._read(here, _NAMED).group(1), None)
        self._end_word(here)

    def _if(self, here: _Input) -> None:
        if self.skipping:
            self._open_condition(False)
            return
        negated, name = self._read(here, _CONDITION).groups()
        wrong = name.lstrip(_WORD_BYTES)
        if wrong:
            raise self._error(here, "Invalid character.", name[: len(name) - len(wrong)])
        self._end_word(here)
        self._open_condition((name in self.macros) != bool(negated))

    def _open_condition(self, counts: bool) -> None:
        self.conditions.append(counts)
        self.skipping += not counts

    def _else(self, here: _Input) -> None:
        if not self.conditions:
            raise self._error(here, "Invalid macro.", b"")
        self.skipping += 1 if self.conditions[-1] else -1
        self.conditions[-1] = not self.conditions[-1]

    def _endif(self, here: _Input) -> None:
        if not self.conditions:
            raise self._error(here, "Invalid macro.", b"")
        self.skipping -= not self.conditions.pop()

    def _include(self, here: _Input) -> None:
        name = self._read(here, _PATH).group(1)
        folder = next(opened.path for opened in reversed(self.inputs) if not opened.fixed)
        path = source.find(os.fsdecode(name), os.path.dirname(folder) or ".")
        try:
            files = source.read(path)
        except (OSError, ValueError):
            raise self._error(here, "Invalid file path.", name) from None
        for place, text in reversed(files):
            shown = os.fsdecode(name) if place == path else place
            if any(opened.name == shown for opened in self.inputs):
                raise self._error(here, "File infinite loop.", name)
            self._open(shown, text, here.position(), place)

    def _open(self, name: str, text: bytes, position: int, path: str) -> None:
        self.bytes_read += len(text)
        if self.bytes_read > source.MAX_BYTES:
            reason = f"Program is too long, at most {source.MAX_BYTES} bytes."
            file, line = self.sources.where(position) if position else (name, 1)
            raise CompileError(file, line, reason)
        self.inputs.append(_Input(name, text, self.sources.add(name, text), 0, path))


def _number_kind(text: bytes) -> tuple[str, str]:
    """Return the kind of a number and what is wrong with it, "" if nothing."""
    digits = b"0123456789"
    if text[0] != 48 or len(text) == 1:
        tail = text.lstrip(digits)
        if tail[:1] == b".":
            return "real", "Invalid floating number." if tail[1:].lstrip(digits) else ""
        return "int", "Invalid decimal." if tail else ""
    if text[1] == 120:
        bad = len(text) == 2 or text[2:].lstrip(b"0123456789abcdefABCDEF")
        return "int", "Invalid hexadecimal." if bad else ""
    tail = text[1:].lstrip(b"01234567")
    if not tail:
        return "int", ""
    if tail.translate(None, digits + b".") or b"." not in tail:
        return "int", "Invalid octal number."
    return "real", "Invalid floating number." if tail.count(b".") > 1 else ""


_DIRECTIVES = {
    b"define": Scanner._define,
    b"undef": Scanner._undef,
    b"if": Scanner._if,
    b"else": Scanner._else,
    b"endif": Scanner._endif,
    b"include": Scanner._include,
}

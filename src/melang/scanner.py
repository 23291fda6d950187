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
_NUMBERS = {  # how a number must look, by what it seems to be
    "real": (rb"[0-9]+\.[0-9]*", "Invalid floating number."),
    "hexadecimal": (rb"0x[0-9A-Fa-f]+", "Invalid hexadecimal."),
    "octal": (rb"0[0-7]+", "Invalid octal number."),
    "decimal": (rb"[0-9]+", "Invalid decimal."),
}
_ESCAPES = {
    34: b'"', 39: b"'", 92: b"\\", 110: b"\n", 116: b"\t", 98: b"\b",
    97: b"\a", 102: b"\f", 114: b"\r", 101: b"\x1b", 118: b"\v",
}  # fmt: skip
_KINDS = {text.encode(): text for text in KEYWORDS}
_LINE_REST = rb"(?:\\\n|[^\n])*"
_WORD = rb"[ \t]*(!?)[ \t]*([A-Za-z0-9_]+)[ \t]*"
_PATH = rb"[ \t]*(?:\"([^\"\n]*)\"|'([^'\n]*)')"
MAX_TOKENS = 300_000  # compiling takes 2 KB of memory for each


class _Input:
    """A text being read; `fixed` is the position of all its tokens (a macro's)."""

    __slots__ = ("base", "fixed", "line", "name", "offset", "text")

    def __init__(self, name: str, text: bytes, base: int, fixed: int = 0) -> None:
        self.name = name
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
        self.bytes_read = 0
        self.inputs: list[_Input] = []
        self.named = name != " "  # a file, not a string given to Eval
        self._open(name, text, 0)

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
                if kind == "directive":
                    self._directive(here, text[start + 1 : here.offset])
                    if self.inputs[-1] is not here:
                        break
                    continue
                token = self._token(here, kind or "", found.group(), start)
                if all(self.conditions):
                    count += 1
                    if count > MAX_TOKENS:
                        raise self._error(here, "Program is too long.", b"")
                    yield token
            if here.offset >= end and self.inputs[-1] is here:
                self.inputs.pop()
        if self.conditions:
            raise CompileError(
                self.sources.names[0],
                1,
                "Lack of #endif.",
                "ERROR: Get token error. 1: Lack of #endif.",
            )
        yield ("end", b"", 0)

    def _token(self, here: _Input, kind: str, text: bytes, start: int) -> Token:
        position = here.fixed or here.base + here.line
        if kind == "sign":
            return (text.decode(), text, position)
        if kind == "name":
            if text[0] in b"0123456789":
                return self._number(here, start, position)
            return (_KINDS.get(text, "name"), text, position)
        here.line += text.count(b"\n")
        if kind == "raw":
            return ("string", text[1:-1], position)
        return ("string", self._unescape(here, text[1:-1]), position)

    def _number(self, here: _Input, start: int, position: int) -> Token:
        found = re.compile(_NUMBER).match(here.text, start)
        assert found is not None
        text = found.group()
        here.offset = found.end()
        if b"." in text:
            shape = "real"
        elif text[:2] == b"0x":
            shape = "hexadecimal"
        else:
            shape = "octal" if text[0] == 48 and len(text) > 1 else "decimal"
        pattern, complaint = _NUMBERS[shape]
        if not re.fullmatch(pattern, text):
            raise self._error(here, complaint, text)
        return ("real" if shape == "real" else "int", text, position)

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
        shown = text.decode("latin-1")
        report = f'ERROR: Get token error. {start}: {reason} "{shown}"'
        return CompileError(file, line, f'{reason} "{shown}"', report)

    def _directive(self, here: _Input, name: bytes) -> None:
        """Obey a directive, or insert a macro."""
        handler = _DIRECTIVES.get(name)
        if handler is not None:
            handler(self, here)
        elif all(self.conditions):
            self._insert(here, name)

    def _insert(self, here: _Input, name: bytes) -> None:
        text = self.macros.get(name)
        if text is None:
            raise self._error(here, "Unknown macro.", name)
        key = f"#{name.decode()}"
        if any(opened.name == key for opened in self.inputs):
            raise self._error(here, "Macro infinite loop.", name)
        self.inputs.append(_Input(key, text, 0, here.position()))

    def _word(self, here: _Input) -> tuple[bool, bytes]:
        """Read `NAME` or `!NAME` after a directive."""
        found = re.compile(_WORD).match(here.text, here.offset)
        if found is None:
            raise self._error(here, "Invalid macro.", b"")
        here.offset = found.end()
        return bool(found.group(1)), found.group(2)

    def _end_line(self, here: _Input) -> None:
        """Skip the newline after a directive, uncounted as in the original."""
        if here.text[here.offset : here.offset + 1] == b"\n":
            here.offset += 1

    def _define(self, here: _Input) -> None:
        _, name = self._word(here)
        found = re.compile(_LINE_REST).match(here.text, here.offset)
        assert found is not None
        text = found.group().replace(b"\\\n", b"\n")
        if all(self.conditions):
            if name in self.macros:
                raise self._error(here, "Succeed.", name)
            self.macros[name] = text
        here.offset = found.end()
        self._end_line(here)

    def _undef(self, here: _Input) -> None:
        _, name = self._word(here)
        if all(self.conditions):
            self.macros.pop(name, None)
        self._end_line(here)

    def _if(self, here: _Input) -> None:
        negated, name = self._word(here)
        self.conditions.append((name in self.macros) != negated)
        self._end_line(here)

    def _else(self, here: _Input) -> None:
        if not self.conditions:
            raise self._error(here, "Invalid macro.", b"else")
        self.conditions[-1] = not self.conditions[-1]
        self._end_line(here)

    def _endif(self, here: _Input) -> None:
        if not self.conditions:
            raise self._error(here, "Invalid macro.", b"endif")
        self.conditions.pop()
        self._end_line(here)

    def _include(self, here: _Input) -> None:
        found = re.compile(_PATH).match(here.text, here.offset)
        if found is None:
            raise self._error(here, "Invalid file path.", b"")
        here.offset = found.end()
        self._end_line(here)
        if not all(self.conditions):
            return
        name = found.group(1) if found.group(1) is not None else found.group(2)
        file = next(opened.name for opened in reversed(self.inputs) if not opened.fixed)
        path = source.find(os.fsdecode(name), os.path.dirname(file) or ".")
        try:
            files = source.read(path)
        except (OSError, ValueError):
            raise self._error(here, "Invalid file path.", name) from None
        for opened, text in reversed(files):
            if any(os.path.realpath(i.name) == os.path.realpath(opened) for i in self.inputs):
                raise self._error(here, "File infinite loop.", os.fsencode(opened))
            self._open(opened, text, here.position())

    def _open(self, name: str, text: bytes, position: int) -> None:
        self.bytes_read += len(text)
        if self.bytes_read > source.MAX_BYTES:
            reason = f"Program is too long, at most {source.MAX_BYTES} bytes."
            file, line = self.sources.where(position) if position else (name, 1)
            raise CompileError(file, line, reason)
        self.inputs.append(_Input(name, text, self.sources.add(name, text) - 0))


_DIRECTIVES = {
    b"define": Scanner._define,
    b"undef": Scanner._undef,
    b"if": Scanner._if,
    b"else": Scanner._else,
    b"endif": Scanner._endif,
    b"include": Scanner._include,
}

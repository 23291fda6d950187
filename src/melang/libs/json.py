"""The library `json`.

Arrays without keys are JSON arrays, arrays of keyed elements are objects.  As in the
original, control characters are not escaped and numbers go through a double; a comma
may follow the last element, and words may have capitals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ..array import Array
from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import INT_MAX, INT_MIN, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

MAX_DEPTH = 512  # nesting; also what stops an array that contains itself

BLANKS = b" \t\r\n"
TOKEN = re.compile(
    rb'[ \t\r\n]*(?:"((?:[^"\\]++|\\.)*+)"'
    rb"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    rb"|((?i:true|false|null))|([][{},:]))",
    re.DOTALL,
)
Token = tuple[bytes, Value]  # a mark, or VALUE, or STRING
VALUE, STRING, NOTHING = b"v", b"s", (b"", None)
CLOSING = {b"[": b"]", b"{": b"}"}
WORDS: dict[bytes, Value] = {b"true": True, b"false": False, b"null": None}
ESCAPE = re.compile(
    rb"\\(?:u([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))",
    re.DOTALL,
)
SHORT = {b'"': b'"', b"\\": b"\\", b"/": b"/"} | dict(
    zip((b"b", b"f", b"n", b"r", b"t"), (b"\b", b"\f", b"\n", b"\r", b"\t"), strict=True)
)


class Unfit(Exception):
    """The text is no JSON, or the value cannot be written as JSON."""


@builtin(1)
def encode(co: Coroutine, value: Value) -> Value:
    if not isinstance(value, Array):
        return False
    try:
        return b"".join(pieces(value))
    except Unfit:
        return False


@builtin(1)
def decode(co: Coroutine, data: Value) -> Value:
    if type(data) is not bytes:
        raise MelangError("Invalid type of argument.")
    try:
        return document(data)
    except Unfit:
        return False


def pieces(root: Array) -> Iterator[bytes]:
    """Yield the text of an array; the stack is explicit, as scripts can nest deeply."""
    brackets, members = opened(root)
    stack = [(brackets[1:], members)]
    yield brackets[:1]
    while stack:
        closing, members = stack[-1]
        for name, value in members:
            yield name
            if isinstance(value, Array):
                if len(stack) == MAX_DEPTH:
                    raise Unfit
                brackets, inner = opened(value)
                stack.append((brackets[1:], inner))
                yield brackets[:1]
                break
            yield scalar(value)
        else:
            stack.pop()
            yield closing


def opened(array: Array) -> tuple[bytes, Iterator[tuple[bytes, Value]]]:
    """Return the brackets of an array and what stands between them: names and values."""
    if not array.keys:
        if array.end() != len(array):
            raise Unfit
        return b"[]", listed([(b"", value) for value in array.values()])
    if len(array.keys) != len(array):
        raise Unfit
    members = [(key, value) for key, value in array.items() if type(key) is bytes]
    members.sort(key=lambda member: (len(member[0]), member[0]))
    return b"{}", listed([(quoted(key) + b":", value) for key, value in members])


def listed(members: list[tuple[bytes, Value]]) -> Iterator[tuple[bytes, Value]]:
    """Yield the members with a comma before each but the first."""
    for number, (name, value) in enumerate(members):
        yield (b"," + name if number else name), value


def scalar(value: Value) -> bytes:
    match value:
        case None:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case bytes():
            return quoted(value)
        case int() | float():
            return number_text(float(value))
    raise Unfit


def quoted(data: bytes) -> bytes:
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def number_text(number: float) -> bytes:
    if not math.isfinite(number):
        raise Unfit
    return b"%d" % number if is_integer(number) else b"%f" % number


def is_integer(number: float) -> bool:
    """Tell whether a script would hold this number as an integer."""
    return number.is_integer() and INT_MIN <= number < INT_MAX


def document(data: bytes) -> Array:
    """Return the array or object that a text is, in linear time and without recursion."""
    stream = tokens(data.rstrip(BLANKS))
    kind, value = next(stream, NOTHING)
    if kind not in CLOSING:
        raise Unfit
    root = Array()
    stack = [(root, kind)]
    complete = False  # whether an element has just ended, so that a comma must follow
    for kind, value in stream:
        if not stack:
            raise Unfit
        array, bracket = stack[-1]
        if kind == CLOSING[bracket]:
            stack.pop()
            complete = True
            continue
        if complete:
            if kind != b",":
                raise Unfit
            complete = False
            continue
        key = None
        if bracket == b"{":
            key = member_name(kind, value, stream)
            kind, value = next(stream, NOTHING)
        if kind in CLOSING:
            value = Array()
            stack.append((value, kind))
        elif kind != VALUE and kind != STRING:
            raise Unfit
        if len(stack) > MAX_DEPTH:
            raise Unfit
        array.set(key, value)
        complete = kind not in CLOSING
    if stack:
        raise Unfit
    return root


def member_name(kind: bytes, value: Value, stream: Iterator[Token]) -> Value:
    if kind != STRING or next(stream, NOTHING)[0] != b":":
        raise Unfit
    return value


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the marks and scalars of a text, each with its kind."""
    end = 0
    while found := TOKEN.match(data, end):
        end = found.end()
        string, number, word, mark = found.groups()
        if mark is not None:
            yield mark, None
        elif string is not None:
            yield STRING, ESCAPE.sub(unescaped, string) if b"\\" in string else string
        elif number is not None:
            yield VALUE, as_number(float(number))
        else:
            yield VALUE, WORDS[word.lower()]
    if end != len(data):
        raise Unfit


def as_number(number: float) -> int | float:
    return int(number) if is_integer(number) else number


def unescaped(escape: re.Match[bytes]) -> bytes:
    high, low, single, letter = escape.groups()
    if letter is not None:
        if letter not in SHORT:
            raise Unfit
        return SHORT[letter]
    if single is not None:
        return chr(int(single, 16)).encode("utf-8", "surrogatepass")
    pair = (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00
    return chr(0x10000 + pair).encode()


FUNCTIONS: dict[bytes, Builtin] = {b"encode": encode, b"decode": decode}

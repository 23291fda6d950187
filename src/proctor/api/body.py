"""Reading what a client sends: the body within its limits, JSON and queries into typed values.

Every way in which a client can get this wrong ends in `Refused` or `BadSpec`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from proctor.core.errors import BadSpec

from .errors import Problem, Refused
from .reply import Disconnected, Receive, Scope

T = TypeVar("T", bound=msgspec.Struct)


class BodyLimits(Struct, frozen=True):
    """`size` in bytes; `seconds` a client has to deliver all of its body."""

    size: int = 1 << 20
    seconds: float = 30.0


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes:
    """Return the whole body.  Raises Refused (408, 413), Disconnected."""
    declared = _declared_length(scope)
    if declared is not None and declared > limits.size:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _collect(receive, limits)
    except TimeoutError:
        message = f"the body did not arrive within {limits.seconds:g} seconds"
        raise Refused(Problem(408, message, close=True)) from None


async def _collect(receive: Receive, limits: BodyLimits) -> bytes:
    body = b""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body = message.get("body", b"")
        if len(parts) + len(body) > limits.size:
            raise _too_large(limits)
        if not message.get("more_body", False):
            return bytes(parts + body) if parts else body
        parts += body


def _declared_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)  # The parser took it for a number already.
    return None


def _too_large(limits: BodyLimits) -> Refused:
    return Refused(Problem(413, f"the body is larger than {limits.size} bytes", close=True))


async def drain(receive: Receive, *, size: int = 4 << 20, seconds: float = 1.0) -> None:
    """Throw away what the client still sends, for a moment.

    A connection that is closed with unread bytes in it is reset, and a client that writes all
    before it reads would never see the response.
    """
    try:
        async with asyncio.timeout(seconds):
            while size > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                size -= len(message.get("body", b""))
    except TimeoutError:
        return


class TypedDecoder:
    """Decodes JSON into one struct type, with errors that say where and what was expected.

    `expected` maps wire names to what a value has to be, in words.
    """

    def __init__(self, type: type[Any], expected: Mapping[str, str]) -> None:
        self._decoder = msgspec.json.Decoder(type)
        self._type: Hashable = type  # type: ignore[assignment]
        self._expected = expected

    def decode(self, body: bytes) -> Any:
        """Return the struct.  Raises Refused or BadSpec, both a 400."""
        if not body.strip():
            raise _bad_json("the body is empty, expected a JSON object")
        try:
            value = self._decoder.decode(body)
            json.loads(body, object_pairs_hook=_no_duplicates)
        except msgspec.ValidationError as error:
            raise explain(str(error), names_by_path(self._type), self._expected) from None
        except msgspec.DecodeError as error:
            raise _bad_json(_locate(str(error), body)) from None
        except UnicodeDecodeError:
            raise _bad_json(_locate_bad_utf8(body)) from None
        except _DuplicateKey as error:
            raise BadSpec(f"`{error}` is given more than once", field=str(error)) from None
        except RecursionError:
            raise _bad_json("the body is nested too deeply") from None
        return value


def decode_query(query: bytes, type: type[T], expected: Mapping[str, str]) -> T:
    """Return the query string as a struct.  Raises Refused or BadSpec, both a 400."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, max_num_fields=100, errors="strict"
        )
    except ValueError:
        raise Refused(Problem(400, "the query string is not valid, expected UTF-8")) from None
    values = dict(pairs)
    if len(values) != len(pairs):
        twice = next(name for name, _ in pairs if sum(n == name for n, _ in pairs) > 1)
        raise BadSpec(f"`{twice}` is given more than once", field=twice)
    try:
        return msgspec.convert(values, type, strict=False)
    except msgspec.ValidationError as error:
        raise explain(str(error), names_by_path(type), expected) from None


Known = Mapping[str, tuple[str, ...]]
"""The names that objects may have, by their paths ("" for the whole), or the values of a choice."""


@cache
def names_by_path(type: Hashable) -> Known:
    """Return what a struct and those within it may have; indices are left out of paths."""
    return dict(_names(msgspec.inspect.type_info(type), ""))


def _names(kind: msgspec.inspect.Type, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    match kind:
        case msgspec.inspect.StructType():
            yield path, tuple(field.encode_name for field in kind.fields)
            for field in kind.fields:
                yield from _names(field.type, f"{path}.{field.encode_name}".lstrip("."))
        case msgspec.inspect.ListType():
            yield from _names(kind.item_type, path)
        case msgspec.inspect.UnionType():
            for one in kind.types:
                yield from _names(one, path)
        case msgspec.inspect.Metadata():
            yield from _names(kind.type, path)
        case msgspec.inspect.LiteralType():
            yield path, tuple(map(str, kind.values))


# Compiled, by `re`, when something is wrong for the first time.
_MISSING = r"Object missing required field `([^`]*)`"
_UNKNOWN = r"(?s)Object contains unknown field `(.*?)`(?: - at `\$|$)"
_PLACE = r"(?s)(.*?) - at (?:`key` in )?`\$\.?([^`]*)`"
_INDEX = r"\[[^\]]*\]"
_BYTE = r"(?s)(.*) \(byte (\d+)\)$"


def explain(text: str, known: Known, expected: Mapping[str, str]) -> BadSpec:
    """Turn msgspec's words into ours: the field first, then what it has to be."""
    match = re.fullmatch(_PLACE, text)
    what, path = (match[1], match[2]) if match else (text, "")
    inside = path + "." if path else ""
    if missing := re.fullmatch(_MISSING, what):
        name = inside + missing[1]
        hint = expected.get(re.sub(_INDEX, "", name))
        return BadSpec(f"`{name}` is missing" + (f", expected {hint}" if hint else ""), field=name)
    if unknown := re.match(_UNKNOWN, what):
        name = unknown[1] if len(unknown[1]) <= 200 else unknown[1][:200] + "..."
        names = known.get(re.sub(_INDEX, "", path), ())
        return BadSpec(
            f"unknown field `{inside}{name}`, {_did_you_mean(name, names)}", field=inside + name
        )
    if not path:
        return BadSpec(f"the body is not what was expected: {text}")
    name = re.sub(r"(\[[^\]]*\])+$", "", path)
    return _wrong_value(what, name, expected, known.get(re.sub(_INDEX, "", name), ()))


def _wrong_value(
    what: str, name: str, expected: Mapping[str, str], choices: tuple[str, ...]
) -> BadSpec:
    hint = expected.get(re.sub(_INDEX, "", name))
    why = what[0].lower() + what[1:]
    if "expected `bool`" in why:
        hint = "true or false"  # A name may mean another thing elsewhere: `wait` is often seconds.
    elif choices and "enum value" in why:
        hint = "one of " + ", ".join(choices)
    if hint and "matching regex" in why:
        wanted = f"expected {hint}"  # The pattern says nothing that the words do not.
    else:
        wanted = f"expected {hint} ({why})" if hint else why
    return BadSpec(f"`{name}` is not valid: {wanted}", field=name)


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    if close := get_close_matches(name, known, n=1):
        return f"did you mean `{close[0]}`?"
    return "expected one of " + ", ".join(known) if known else "expected none"


class _DuplicateKey(Exception):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> None:
    """Raise if a name occurs twice in one object: what was meant by it is anybody's guess."""
    names = set()
    for name, _ in pairs:
        if name in names:
            raise _DuplicateKey(name[:200])
        names.add(name)


def _bad_json(message: str) -> Refused:
    return Refused(Problem(400, message))


def _locate(text: str, body: bytes) -> str:
    """Say the place of a syntax error as people count it."""
    if match := re.match(_BYTE, text):
        what = match[1].removeprefix("JSON is malformed: ")
        # Of trailing characters msgspec has already read one.
        at = int(match[2]) - (what == "trailing characters")
        return f"the body is not valid JSON: {what} at {_line_and_column(body, at)}"
    return f"the body is not valid JSON: it ends too early, at {_line_and_column(body, len(body))}"


def _locate_bad_utf8(body: bytes) -> str:
    """The decoder counts from the start of the string; we count from the start of the body."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"the body is not valid UTF-8 at {_line_and_column(body, error.start)}"
    return "the body is not valid UTF-8"


def _line_and_column(body: bytes, at: int) -> str:
    before = body[:at]
    line = before.count(b"\n") + 1
    tail = before[before.rfind(b"\n") + 1 :]
    return f"line {line}, column {len(tail.decode('utf-8', 'replace')) + 1}"

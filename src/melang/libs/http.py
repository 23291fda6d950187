"""The library `http`: messages as dicts.  No chunked bodies.

`parse` takes a message off the front of a variable; `create` writes one.
"""

from __future__ import annotations

import re

from ..array import Array
from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import INT_MAX, Value
from ._args import invalid, reference
from ._reasons import REASONS, SHIFTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"OPTIONS")
VERSIONS = (b"1.0", b"1.1")
BLANK = b" \t"
INTEGER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)0*([0-9]*)")


class BadMessage(Exception):
    """What was read is no HTTP."""


class Message:
    """A message as it is read; `first` has the entries before the headers."""

    __slots__ = ("body", "first", "headers")

    def __init__(self, first: list[tuple[bytes, Value]]) -> None:
        self.first = first
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def content_length(self) -> int:
        """Return the number in the first Content-Length, read as C's atol does."""
        for name, value in self.headers:
            if name.lower() == b"content-length":
                return leading_integer(value)
        return 0

    def dict(self) -> Array:
        headers = Array.from_pairs(self.headers)
        return Array.from_pairs([*self.first, (b"headers", headers), (b"body", self.body)])


@builtin(1, refs=(0,))
def parse(co: Coroutine, raw: Value) -> Value:
    """Take the first message off the variable `raw`; nil if it is incomplete."""
    variable = reference(raw)
    data = variable.get()
    if type(data) is not bytes:
        invalid(1)
    try:
        head = read_head(data)
    except BadMessage:
        raise MelangError("Invalid HTTP data.") from None
    if head is None:
        return None
    message, at = head
    length = message.content_length()
    if length < 0:
        return False
    if len(data) - at < length:
        return None
    message.body = data[at : at + length]
    variable.set(data[at + length :])
    return message.dict()


def read_head(data: bytes) -> tuple[Message, int] | None:
    """Return the message without its body and where that begins; None if incomplete."""
    message: Message | None = None
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        line = data[at:end].removesuffix(b"\r").lstrip(BLANK)
        at = end + 1
        if message is None:
            message = read_start(line)
        elif line:
            message.headers.append(read_field(line))
        else:
            return message, at
    return None


def read_start(line: bytes) -> Message:
    words = line.replace(b"\t", b" ").split(b" ", 1)
    version = http_version(words[0])
    rest = words[1].strip(BLANK) if len(words) > 1 else b""
    return read_request(words[0], rest) if version is None else read_response(version, rest)


def read_request(method: bytes, rest: bytes) -> Message:
    words = rest.replace(b"\t", b" ").split(b" ", 1)
    version: bytes | None = b"1.0"
    if len(words) > 1:
        version = http_version(words[1].strip(BLANK))
    if method.upper() not in METHODS or not words[0] or version is None:
        raise BadMessage
    uri, _, args = words[0].partition(b"?")
    return Message(
        [
            (b"type", b"request"),
            (b"method", method.upper()),
            (b"version", version),
            (b"uri", uri),
            (b"args", args),
        ]
    )


def read_response(version: bytes, rest: bytes) -> Message:
    code = re.match(rb"([0-9]{1,9})(?:[ \t]|$)", rest)
    if code is None:
        raise BadMessage
    return Message([(b"type", b"response"), (b"version", version), (b"code", int(code[1]))])


def http_version(word: bytes) -> bytes | None:
    version = word[5:]
    return version if word[:5].upper() == b"HTTP/" and version in VERSIONS else None


def read_field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    name = name.rstrip(BLANK)
    if not name or b" " in name or b"\t" in name:
        raise BadMessage
    return name, value.lstrip(BLANK) if colon else b""


def leading_integer(data: bytes) -> int:
    found = INTEGER.match(data)
    if found is None or not found[2]:
        return 0
    number = INT_MAX if len(found[2]) > 18 else int(found[2])
    return -number if found[1] == b"-" else number


@builtin(1)
def create(co: Coroutine, message: Value) -> Value:
    if not isinstance(message, Array):
        invalid(1)
    if not len(message):
        return None
    match wanted(message, b"type"):
        case b"request":
            start = request_line(message)
        case b"response":
            start = status_line(message)
        case _:
            raise MelangError("Invalid value indexed by 'type' should be 'request' or 'response'.")
    headers = headers_of(message)
    body = b"" if message.find(b"body") is None else wanted(message, b"body")
    if body and b"content-length" not in headers:
        headers[b"content-length"] = b"Content-Length", b"%d" % len(body)
    lines = [start, *(name + b": " + value for name, value in headers.values()), b"", body]
    return b"\r\n".join(lines)


def wanted(message: Array, key: bytes) -> bytes:
    value = message.find(key)
    if type(value) is not bytes:
        raise MelangError(f"'{key.decode()}' should be a string.")
    return value


def request_line(message: Array) -> bytes:
    method = wanted(message, b"method")
    if method not in METHODS:
        raise MelangError("Invalid method.")
    version = version_of(message)
    uri = wanted(message, b"uri")
    return b"%s %s?%s HTTP/%s" % (method, uri, wanted(message, b"args"), version)


def status_line(message: Array) -> bytes:
    """Return version, code and reason; an unknown code ends the coroutine without a word."""
    version = version_of(message)
    code = message.find(b"code")
    if code is None:
        code = 200
    if type(code) is not int:
        raise MelangError("'code' should be an integer.")
    if code in SHIFTED:
        code = max(known for known in REASONS if known < code)
    if code not in REASONS:
        raise MelangError
    return b"HTTP/%s %d %s" % (version, code, REASONS[code])


def version_of(message: Array) -> bytes:
    version = wanted(message, b"version")
    if version not in VERSIONS:
        raise MelangError("Invalid version.")
    return version


def headers_of(message: Array) -> dict[bytes, tuple[bytes, bytes]]:
    """Return names and values by the lower-case name, in the order of the keys."""
    given = message.find(b"headers")
    if not isinstance(given, Array):
        raise MelangError("'headers' should be an array.")
    fields = [(key, value) for key, value in given.items() if key is not None]
    if not all(type(key) is bytes for key, _ in fields):
        raise MelangError("Header's key should be a string.")
    headers = {}
    for key, value in sorted(fields, key=lambda pair: (len(pair[0]), pair[0])):
        if type(value) is not bytes:
            raise MelangError("Header's value should be a string.")
        headers[key.lower()] = key, value
    return headers


FUNCTIONS: dict[bytes, Builtin] = {b"parse": parse, b"create": create}

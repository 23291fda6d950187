"""The library `str`: byte strings, conversions to and from their bytes, regular expressions."""

from __future__ import annotations

import struct

from ..array import Array
from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import Value, wrap
from ..texts import text
from ._args import array, integer, string, wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

BLANKS = b" \t\n\r\0\x0b"
HEX_DIGITS = b"0123456789abcdefABCDEF"


@builtin(1)
def strlen(co: Coroutine, s: Value) -> Value:
    return len(string(s, 1))


@builtin(1)
def upper(co: Coroutine, s: Value) -> Value:
    return string(s, 1).upper()


@builtin(1)
def lower(co: Coroutine, s: Value) -> Value:
    return string(s, 1).lower()


@builtin(1)
def capitalize(co: Coroutine, s: Value) -> Value:
    data = string(s, 1)
    return data[:1].upper() + data[1:]


@builtin(2)
def trim(co: Coroutine, s: Value, mask: Value) -> Value:
    data = string(s, 1)
    return data.strip(BLANKS if mask is None else string(mask, 2))


@builtin(3)
def split(co: Coroutine, s: Value, offset: Value, length: Value) -> Value:
    """Return a part of `s`; an offset outside it counts as the end that is nearer."""
    data = string(s, 1)
    start = integer(offset, 2)
    if start < 0:
        start = max(start + len(data), 0)
    if length is None:
        return data[start:]
    size = integer(length, 3)
    if size < 0:
        wrong_type(3)
    return data[start : start + size]


@builtin(2)
def slice_(co: Coroutine, s: Value, separators: Value) -> Value:
    data = string(s, 1)
    marks = string(separators, 2)
    if not marks:
        return Array.from_list([data] if data else [])
    uniform = data.translate(bytes.maketrans(marks, marks[:1] * len(marks)))
    return Array.from_list([piece for piece in uniform.split(marks[:1]) if piece])


@builtin(2)
def join(co: Coroutine, glue: Value, elements: Value) -> Value:
    separator = string(glue, 1)
    return separator.join(map(text, array(elements, 2).values()))


@builtin(2)
def strstr(co: Coroutine, s: Value, pattern: Value) -> Value:
    data = string(s, 1)
    offset = data.find(string(pattern, 2))
    return None if offset < 0 else offset


@builtin(2)
def strcmp(co: Coroutine, a: Value, b: Value) -> Value:
    first = string(a, 1)
    return first == string(b, 2)


@builtin(3)
def strncmp(co: Coroutine, a: Value, b: Value, n: Value) -> Value:
    first, second, size = string(a, 1), string(b, 2), integer(n, 3)
    return 0 <= size <= min(len(first), len(second)) and first[:size] == second[:size]


@builtin(2)
def strseqcmp(co: Coroutine, a: Value, b: Value) -> Value:
    """Return the sign of the comparison; the empty string is greater than any other."""
    first, second = string(a, 1), string(b, 2)
    if not first or not second:
        return (not first) - (not second)
    return (first > second) - (first < second)


@builtin(2)
def replace(co: Coroutine, changes: Value, s: Value) -> Value:
    """Replace each key found by its value.

    Each key is looked for in the whole text.  Where they overlap, each leaves its
    value, of two at the same place the longer key first, as in the original.
    """
    pairs = {
        key: value
        for key, value in array(changes, 1).items()
        if type(key) is bytes and type(value) is bytes and key
    }
    data = string(s, 2)
    places = []
    for order, key in enumerate(sorted(pairs, key=lambda key: (len(key), key))):
        at = data.find(key)
        while at >= 0:
            places.append((at, -order, key))
            at = data.find(key, at + len(key))
    pieces: list[bytes] = []
    done = 0
    for at, _, key in sorted(places):
        pieces += (data[done:at], pairs[key])
        done = at + len(key)
    return b"".join((*pieces, data[done:]))


@builtin(1)
def hex2bin(co: Coroutine, digits: Value) -> Value:
    data = string(digits, 1)
    if len(data) % 2 or data.translate(None, HEX_DIGITS):
        wrong_type(1)
    return bytes.fromhex(data.decode("ascii"))


@builtin(1)
def bin2hex(co: Coroutine, data: Value) -> Value:
    """Return the bytes in hexadecimal; documented for the original, which lacks it."""
    return string(data, 1).hex().upper().encode()


@builtin(1)
def bin2int(co: Coroutine, data: Value) -> Value:
    return wrap(int.from_bytes(string(data, 1)[-8:], "big"))


@builtin(1)
def int2bin(co: Coroutine, number: Value) -> Value:
    return integer(number, 1).to_bytes(8, "big", signed=True)


@builtin(1)
def bin2real(co: Coroutine, data: Value) -> Value:
    return _real(string(data, 1)[-8:].rjust(8, b"\0"))


@builtin(1)
def real2bin(co: Coroutine, number: Value) -> Value:
    if type(number) is not float:
        wrong_type(1)
    return struct.pack("<d", number)


@builtin(1)
def b2s(co: Coroutine, value: Value) -> Value:
    """Return the bytes of a value as they lie in memory."""
    if type(value) is bool:
        return struct.pack("?", value)
    if type(value) is int:
        return struct.pack("<q", value)
    if type(value) is not float:
        wrong_type(1)
    return struct.pack("<d", value)


@builtin(2)
def s2b(co: Coroutine, data: Value, type_name: Value) -> Value:
    memory = string(data, 1)[:8].ljust(8, b"\0")
    match string(type_name, 2):
        case b"int":
            return int.from_bytes(memory, "little", signed=True)
        case b"real":
            return _real(memory)
        case b"bool":
            return memory[0] != 0
    raise MelangError("Invalid argument 2.")


def _real(memory: bytes) -> float:
    (number,) = struct.unpack("<d", memory)
    return float(number)


@builtin(2)
def reg_equal(co: Coroutine, expression: Value, s: Value) -> Value:
    """Tell whether `expression` is *not* found in `s`, as the original does."""
    pattern, data = string(expression, 1), string(s, 2)
    from ._regex import Regex

    return Regex(pattern).search(data, 0) is None


@builtin(2)
def reg_match(co: Coroutine, expression: Value, s: Value) -> Value:
    """Return what the groups and the whole expression matched, the last first, or false.

    As in the original a further match is looked for only while the rest of the text is
    not shorter than the expression.
    """
    pattern, data = string(expression, 1), string(s, 2)
    from ._regex import Regex

    regex = Regex(pattern)
    found: list[bytes] = []
    start = 0
    while match := regex.search(data, start):
        if match.end == match.start:
            found += match.groups
            break
        found += [*match.groups, data[match.start : match.end]]
        start = match.end
        if len(data) - start < len(pattern):
            break
    return Array.from_list(list(reversed(found))) if found else False


FUNCTIONS: dict[bytes, Builtin] = {
    b"strlen": strlen,
    b"upper": upper,
    b"lower": lower,
    b"capitalize": capitalize,
    b"trim": trim,
    b"split": split,
    b"slice": slice_,
    b"join": join,
    b"strstr": strstr,
    b"kmp": strstr,
    b"strcmp": strcmp,
    b"strncmp": strncmp,
    b"strseqcmp": strseqcmp,
    b"replace": replace,
    b"hex2bin": hex2bin,
    b"bin2hex": bin2hex,
    b"bin2int": bin2int,
    b"int2bin": int2bin,
    b"bin2real": bin2real,
    b"real2bin": real2bin,
    b"b2s": b2s,
    b"s2b": s2b,
    b"reg_equal": reg_equal,
    b"reg_match": reg_match,
}

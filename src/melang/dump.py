"""What `Dump` prints.

The original shows reference counts of its memory management.  Ours are what
they are there in the plain case: one owner of each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .array import Array
from .builtin import Builtin
from .plain import Value
from .texts import print_text
from .values import Function, Object

Where = Callable[[int], tuple[str, int]]


def dumped(value: Value, is_variable: bool, where: Where) -> bytes:
    """Return the description of the value of a variable, or of one that is in none."""
    seen: set[int] = set()
    head = (b"Refer" if is_variable else b"Normal") + b"  Alias name: var  "
    return b"  var <Var>" + b"".join(_variable(value, 4, head, 1 + is_variable, where, seen))


def _variable(
    value: Value, depth: int, head: bytes, references: int, where: Where, seen: set[int]
) -> Iterator[bytes]:
    yield b" " * depth + head
    yield b"valueRef: %d, udata <0x0>, func <0x0>, not_modify: false\n" % references
    if isinstance(value, Object):
        yield from _object(value, depth, where, seen)
    elif isinstance(value, Array):
        yield from _array(value, depth, where, seen)
    elif isinstance(value, Function):
        yield from _function(value, depth, where)
    else:
        yield b" " * depth + _plain(value) + b"\n"


def _plain(value: Value) -> bytes:
    if value is None:
        return b"<NIL>"
    if type(value) is bytes:
        return b"<STRING> '" + value + b"'"
    kind = {bool: b"BOOL", int: b"INT", float: b"REAL"}[type(value)]
    return b"<%s> %s" % (kind, print_text(value))


def _object(value: Object, depth: int, where: Where, seen: set[int]) -> Iterator[bytes]:
    count = 2 + 2 * len(value.props)
    name = value.set_name
    yield b" " * depth + b"<OBJECT><%X> In Set " % id(value)
    if name is None:
        yield b"'<anonymous>'  setRef: <unknown> objRef: 1\n"
    else:
        yield b"'%s'  setRef: %d objRef: 1\n" % (name, count)
    if id(value) in seen:
        return
    seen.add(id(value))
    for key in sorted(value.props, key=lambda key: (len(key), key)):
        head = b"Normal  Alias name: %s  " % key
        if name is not None:
            head += b"In Set '%s'  setRef: %d  " % (name, count)
        yield from _variable(value.props[key], depth + 2, head, 1, where, seen)


def _array(value: Array, depth: int, where: Where, seen: set[int]) -> Iterator[bytes]:
    blank = b" " * depth
    yield blank + b"<ARRAY><%X>\n" % id(value)
    if id(value) in seen:
        return
    seen.add(id(value))
    names = value.names()
    yield blank + b"ALL ELEMENTS:\n"
    for index in value.indices():
        yield from _element(value, index, names, depth + 2, where, seen)
    yield blank + b"KEY ELEMENTS:\n"
    for index in sorted(names, key=lambda index: key_order(names[index])):
        yield from _element(value, index, names, depth + 2, where, seen)
    yield blank + b"Refs: 1\n"


def _element(
    array: Array, index: int, names: dict[int, Value], depth: int, where: Where, seen: set[int]
) -> Iterator[bytes]:
    blank = b" " * depth
    yield blank + b"Index: %d\n" % index
    if index in names:
        yield blank + b"Key:\n"
        yield from _variable(names[index], depth + 2, b"Normal  ", 1, where, seen)
    yield blank + b"Value:\n"
    yield from _variable(array.at(index), depth + 2, b"Normal  ", 1, where, seen)


def _function(value: Function, depth: int, where: Where) -> Iterator[bytes]:
    place = b"<Empty Function>:0"
    if isinstance(value, Builtin):
        place = b"<C Function>:0"
    elif value.where:
        place = b"%s:%d" % ((pair := where(value.where))[0].encode(), pair[1])
    yield b" " * depth + b"<FUNCTION> %s NARGS:%d\n" % (place, value.arity)
    for index, name in enumerate(value.params):
        kind = b"Refer" if value.mask & (1 << index) else b"Normal"
        yield b" " * (depth + 2) + b"%s  Alias name: %s  No value.\n" % (kind, name)


def key_order(key: Value) -> tuple[int, Value, Value]:
    """Return what array keys are sorted by: type, then value; strings by length first."""
    kind = type(key)
    if kind is bytes:
        return 4, len(key), key
    if kind is bool:
        return 2, key, 0
    if kind is float:
        return 3, key, 0
    return (7 if isinstance(key, Array) else 5 if isinstance(key, Object) else 6), id(key), 0

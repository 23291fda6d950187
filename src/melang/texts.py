"""How values read: as a condition, in a string, printed, and the names of their types."""

from __future__ import annotations

from collections.abc import Iterator

from .array import Array
from .plain import EPSILON, Value
from .values import Function, Object


def truth(value: Value) -> bool:
    """Return whether a condition takes this value as true."""
    if type(value) is float:
        return value > EPSILON or value < -EPSILON
    if isinstance(value, Array):
        return len(value) > 0
    return bool(value) if value is None or type(value) in (bool, int, bytes) else True


def text(value: Value) -> bytes:
    """Return the value as a string concatenation reads it."""
    kind = type(value)
    if kind is bytes:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return b"%d" % value
    if value is None or kind is bool:
        return b"nil" if value is None else b"true" if value else b"false"
    if kind is float:
        return real_text(value)
    if isinstance(value, Array):
        return b"Array"
    return b"Object" if isinstance(value, Object) else b"Function"


def real_text(value: float) -> bytes:
    """Return a real as C's `%f` prints it, the sign of a NaN included."""
    if value != value:
        from math import copysign

        return b"-nan" if copysign(1.0, value) < 0 else b"nan"
    return b"%f" % value


def print_text(value: Value) -> bytes:
    """Return the value as sys.print shows it: an array with its elements."""
    if isinstance(value, Array):
        return b"".join(_array_text(value))
    if isinstance(value, Object):
        return b"OBJECT"
    return b"FUNCTION" if isinstance(value, Function) else text(value)


def _array_text(array: Array) -> Iterator[bytes]:
    """Yield the pieces; an array that was already begun or printed reads `[...]`.

    The stack is explicit, because scripts can nest deeper than Python calls.
    """
    seen = {id(array)}
    stack = [iter(array.values())]
    yield b"["
    while stack:
        for value in stack[-1]:
            if not isinstance(value, Array):
                yield print_text(value) + b", "
            elif id(value) in seen:
                yield b"[...], "
            else:
                seen.add(id(value))
                stack.append(iter(value.values()))
                yield b"["
                break
        else:
            stack.pop()
            yield b"], " if stack else b"]"


def type_name(value: Value) -> bytes:
    """Return what sys.type answers."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    if isinstance(value, Array):
        return b"array"
    if isinstance(value, Object):
        return value.set_name or b"object"
    return b"function"


_NAMES = {type(None): b"nil", bool: b"bool", int: b"int", float: b"real", bytes: b"string"}

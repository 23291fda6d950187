"""The part of library `sys` that tells and converts types."""

from __future__ import annotations

from ..array import Array
from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..operators import scan_int, scan_real, to_int
from ..plain import Value
from ..texts import text, truth, type_name
from ..values import Function, Object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine


@builtin(1)
def is_int(co: Coroutine, value: Value) -> Value:
    """Return whether it is an int."""
    return type(value) is int


@builtin(1)
def is_real(co: Coroutine, value: Value) -> Value:
    """Return whether it is a real."""
    return type(value) is float


@builtin(1)
def is_str(co: Coroutine, value: Value) -> Value:
    """Return whether it is a string."""
    return type(value) is bytes


@builtin(1)
def is_nil(co: Coroutine, value: Value) -> Value:
    """Return whether it is nil."""
    return value is None


@builtin(1)
def is_bool(co: Coroutine, value: Value) -> Value:
    """Return whether it is a bool."""
    return type(value) is bool


@builtin(1)
def is_obj(co: Coroutine, value: Value) -> Value:
    """Return whether it is an object."""
    return isinstance(value, Object)


@builtin(1)
def is_func(co: Coroutine, value: Value) -> Value:
    """Return whether it is a function."""
    return isinstance(value, Function)


@builtin(1)
def is_array(co: Coroutine, value: Value) -> Value:
    """Return whether it is an array."""
    return isinstance(value, Array)


@builtin(1, name="type")
def type_of(co: Coroutine, value: Value) -> Value:
    """Return the name of the type, for an object that of its set."""
    return type_name(value)


@builtin(1, name="int")
def to_integer(co: Coroutine, value: Value) -> Value:
    """Return a number or the number at the start of a string as an int."""
    if type(value) is int:
        return value
    if type(value) is float:
        return to_int(value)
    if type(value) is bytes:
        return scan_int(value)
    raise MelangError("Cannot convert to INT.")


@builtin(1)
def real(co: Coroutine, value: Value) -> Value:
    """Return a number or the number at the start of a string as a real."""
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if type(value) is bytes:
        return scan_real(value)
    raise MelangError("Cannot convert to REAL.")


@builtin(1, name="str")
def to_string(co: Coroutine, value: Value) -> Value:
    """Return a plain value as text."""
    if type(value) in (int, float, bool, bytes):
        return text(value)
    raise MelangError("Cannot convert to STRING.")


@builtin(1, name="bool")
def to_bool(co: Coroutine, value: Value) -> Value:
    """Return the truth of a value."""
    return truth(value)


@builtin(1, name="array")
def to_array(co: Coroutine, value: Value) -> Value:
    """Return an array itself, the properties of an object, or an array of the value."""
    if isinstance(value, Array):
        return value
    if isinstance(value, Object):
        names = sorted(value.props, key=lambda name: (len(name), name))
        return Array.from_pairs((name, value.props[name]) for name in names)
    return Array.from_list([value])


@builtin(1)
def obj(co: Coroutine, value: Value) -> Value:
    """Return an object itself, or one made of the string keys of an array."""
    if isinstance(value, Object):
        return value
    if isinstance(value, Array):
        return Object(None, {key: item for key, item in value.items() if type(key) is bytes})
    raise MelangError("Cannot convert to OBJECT.")


TYPES: tuple[Builtin, ...] = (
    *(is_int, is_real, is_str, is_nil, is_bool, is_obj, is_func, is_array, type_of),
    *(to_integer, real, to_string, to_bool, to_array, obj),
)

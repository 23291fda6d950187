"""How compiled code finds what it calls, and names that are only known as strings."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .array import Array
from .builtin import running
from .errors import NO_FUNCTION, UNSUPPORTED, MelangError
from .plain import Value
from .scope import python_name
from .values import UNDEF, Cell, Function, Object, SetDef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

CODE_FILE = "<melang>"  # what compiled functions have for a file name
MAX_HOPS = 1000  # of a string that names a string that names a string


def script_frames() -> Iterator[FrameType]:
    """Yield the frames of the running functions of the script, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == CODE_FILE:
            yield frame
        frame = frame.f_back


def visible(name: bytes, *, from_library: bool = False, as_identifier: bool = False) -> Value:
    """Return what the slot of a name holds: local, else outermost; UNDEF if there is none.

    A library function has a scope of its own: it sees only the outermost one.  A name
    that is written in the text (`as_identifier`) is looked for there only if it
    begins with a capital.
    """
    slot = python_name(name.decode("latin-1"))
    if slot[:1] in (".", ""):
        return UNDEF
    frames = script_frames()
    innermost = next(frames, None)
    if innermost is None:
        return running.co.globals.get(slot, UNDEF)
    if not from_library:
        variables = innermost.f_locals
        for key in (slot + "'", slot):
            if (found := variables.get(key, UNDEF)) is not UNDEF:
                return found
    if as_identifier and not b"A" <= name[:1] <= b"Z":
        return UNDEF
    if (found := running.co.globals.get(slot, UNDEF)) is not UNDEF or slot == "this":
        return found
    outermost = [innermost, *frames][-1]
    return outermost.f_locals.get(slot, UNDEF)


def resolve(callee: Value) -> Function:
    """Return the function that a variable leads to; nil is the name of no function."""
    if type(callee) is Cell:
        callee = callee.get()
    if callee is None:
        raise MelangError(NO_FUNCTION)
    return resolve_value(callee)


def resolve_value(callee: Value) -> Function:
    """Return the function to call: a string is the name of one, as often as need be."""
    if not isinstance(callee, Function) and type(callee) is not bytes:
        raise MelangError(UNSUPPORTED)
    hops = 0
    while type(callee) is bytes and hops < MAX_HOPS:
        callee = variable_named(callee)
        hops += 1
    if not isinstance(callee, Function):
        raise MelangError(NO_FUNCTION)
    return callee


def variable_named(name: bytes) -> Value:
    """Return the value of the variable with this name; nil if there is none, or a set."""
    found = visible(name)
    if type(found) is not Cell:
        return found
    return None if type(found.value) is SetDef else found.get()


def method(base: Value, name: bytes) -> Function:
    """Return the method to call; a property that is a string names another one."""
    if type(base) is Cell:
        base = base.get()
    if not isinstance(base, Object):
        raise MelangError(UNSUPPORTED)
    return member_function(base, base.props.get(name))


def member_function(base: Value, found: Value) -> Function:
    """Return the function behind the value of a property."""
    if found is not None and type(found) is not bytes and not isinstance(found, Function):
        raise MelangError(UNSUPPORTED)
    hops = 0
    while type(found) is bytes and isinstance(base, Object) and hops < MAX_HOPS:
        hops += 1
        if found in base.props:
            found = base.props[found]
        elif type(found := variable_named(found)) is not bytes:
            break  # a variable may name another member, but not be the function
        continue
    else:
        if isinstance(found, Function):
            return found
    raise MelangError(NO_FUNCTION)


def call_function(function: Function, args: list[Value], this: Value = None) -> Value:
    """Call a function of the script from Python; cells are passed where it wants them."""
    values = [
        arg.get() if type(arg) is Cell and not function.mask & (1 << index) else arg
        for index, arg in enumerate(args)
    ]
    return function.call_with(len(values))(this, *values)


def new_object(name: bytes) -> Value:
    """Return a new object of the set with this name; nil if there is none."""
    for _ in range(MAX_HOPS):
        found = visible(name)
        if type(found) is Cell and type(found.value) is SetDef:
            return found.value.new()
        found = visible(name, as_identifier=True)
        if type(found) is Cell:
            found = found.get()
        if type(found) is not bytes:
            return None
        name = found
    return None


def element(base: Value, key: Value) -> Value:
    """Return `base[key]`: an element, or a byte of a string."""
    if type(base) is Cell:
        base = base.get()
    if type(key) is Cell:
        key = key.get()
    if isinstance(base, Array):
        return base.at(base.touch(key))
    return byte_of(base, key)


def byte_of(base: Value, key: Value) -> bytes:
    """Return a byte of a string; anything else cannot be indexed."""
    if type(base) is not bytes:
        raise MelangError(UNSUPPORTED)
    if type(key) is not int:
        raise MelangError("Offset must be an integer.")
    offset = key + len(base) if key < 0 else key
    if not 0 <= offset < len(base):
        raise MelangError("Invalid offset.")
    return base[offset : offset + 1]


def set_element(base: Value, key: Value, value: Value) -> Value:
    """Do `base[key] = value`; a byte of a string cannot be changed, which is no error."""
    if type(base) is Cell:
        base = base.get()
    if isinstance(base, Array):
        base.put(base.touch(key), value)
    else:
        byte_of(base, key)
    return value


def element_cell(base: Value, key: Value) -> Cell:
    """Return the reference to `base[key]`."""
    if type(base) is Cell:
        base = base.get()
    if not isinstance(base, Array):
        return Cell(byte_of(base, key))
    index = base.touch(key)
    if base.watched is not None and index in base.watched:
        return base.watched[index]
    return Cell(None, base, index)


def element_argument(by_reference: int, base: Value, key: Value) -> Value:
    """Return `base[key]` as an argument."""
    return element_cell(base, key) if by_reference else element(base, key)


def property_of(base: Value, name: bytes) -> Value:
    """Return `base.name`."""
    if type(base) is Cell:
        base = base.get()
    if not isinstance(base, Object):
        raise MelangError(UNSUPPORTED)
    return base.props.setdefault(name)


def set_property(base: Value, name: bytes, value: Value) -> Value:
    """Do `base.name = value`."""
    if type(base) is Cell:
        base = base.get()
    if not isinstance(base, Object):
        raise MelangError(UNSUPPORTED)
    base.put(name, value)
    return value


def property_cell(base: Value, name: bytes) -> Cell:
    """Return the reference to `base.name`."""
    if type(base) is Cell:
        base = base.get()
    if not isinstance(base, Object):
        raise MelangError(UNSUPPORTED)
    base.props.setdefault(name)
    if base.watched is not None and name in base.watched:
        return base.watched[name]
    return Cell(None, base, name)


def property_argument(by_reference: int, base: Value, name: bytes) -> Value:
    """Return `base.name` as an argument."""
    return property_cell(base, name) if by_reference else property_of(base, name)


def _called_through_cell(count: int) -> property:
    slot = f"f{count}"
    return property(lambda cell: getattr(resolve(cell), slot))


# A name that is only ever defined holds a Function or a Cell.  With the same
# slots in both, compiled code calls it without a look at which it is.
for _count in range(7):
    setattr(Cell, f"f{_count}", _called_through_cell(_count))

"""Library `sys`: output, types, arrays, reflection, files, time and processes."""

from __future__ import annotations

import os
import time as clock

from ..array import Array, key_of
from ..builtin import Builtin, builtin
from ..calls import visible
from ..dump import key_order
from ..errors import MelangError
from ..plain import Value
from ..texts import print_text
from ..values import UNDEF, Cell, Function, Object, SetDef
from ._args import array, integer, invalid, string, wrong_type
from ._types import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

LINE_LIMIT = 4095  # bytes that one print writes; the rest is lost, as in the original


@builtin(1, name="print")
def print_value(co: Coroutine, value: Value) -> Value:
    """Print a value and a newline."""
    line = print_text(value) + b"\n"
    co.write(line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT])
    return True


@builtin(1)
def size(co: Coroutine, values: Value) -> Value:
    """Return the number of elements."""
    return len(array(values, 1))


@builtin(1)
def keys(co: Coroutine, values: Value) -> Value:
    """Return the keys, in their order."""
    names = array(values, 1).names().values()
    return Array.from_list(sorted(names, key=key_order))


@builtin(2)
def merge(co: Coroutine, first: Value, second: Value) -> Value:
    """Return the elements of both: those with keys overwrite, the others are appended."""
    merged = Array()
    for position, source in enumerate((first, second), 1):
        for key, value in array(source, position).items():
            merged.set(key, value)
    return merged


def _identity(value: Value) -> Value:
    """Return what two values have in common if type and value are equal."""
    if value is None or isinstance(value, (Array, Object, Function)):
        return value
    return (type(value), value)


@builtin(2)
def diff(co: Coroutine, first: Value, second: Value) -> Value:
    """Return the elements of the first array whose value is not in the second."""
    one, two = array(first, 1), array(second, 2)
    unwanted = {_identity(value) for value in two.values()}
    kept = ((key, value) for key, value in one.items() if _identity(value) not in unwanted)
    return Array.from_pairs(kept)


@builtin(2)
def key_diff(co: Coroutine, first: Value, second: Value) -> Value:
    """Return the elements of the first array whose key is not in the second, by key."""
    one, two = array(first, 1), array(second, 2)
    unwanted = two.keys or {}
    kept = [(key, at) for at, key in one.names().items() if key_of(key) not in unwanted]
    kept.sort(key=lambda pair: key_order(pair[0]))
    return Array.from_pairs((key, one.at(at)) for key, at in kept)


_ABSENT = object()


@builtin(2)
def has(co: Coroutine, owner: Value, thing: Value) -> Value:
    """Return whether an array has an index or key, or what an object or scope has."""
    if isinstance(owner, Array):
        if type(thing) is int and thing < 0:
            return False  # other than in a[-1], which counts from the end
        return owner.find(thing, _ABSENT) is not _ABSENT
    if isinstance(owner, Object):
        name = string(thing, 2)
        if name not in owner.props:
            return False
        return b"method" if isinstance(owner.props[name], Function) else b"variable"
    if owner is not None:
        wrong_type(1)
    found = visible(string(thing, 2), from_library=True)
    if found is UNDEF:
        return False
    if type(found) is Cell:
        if type(found.value) is SetDef:
            return b"set"
        found = found.get()
    return b"function" if isinstance(found, Function) else b"variable"


@builtin(2)
def getter(co: Coroutine, owner: Value, name: Value) -> Value:
    """Return a property by name."""
    if not isinstance(owner, Object):
        wrong_type(1)
    found = owner.props.get(string(name, 2), _ABSENT)
    if found is _ABSENT:
        raise MelangError("No such property in object.")
    return found


@builtin(3)
def setter(co: Coroutine, owner: Value, name: Value, value: Value) -> Value:
    """Store a property by name."""
    if not isinstance(owner, Object):
        wrong_type(1)
    owner.put(string(name, 2), value)
    return value


def _path(value: Value) -> bytes:
    path = string(value, 1)
    if b"\0" in path:
        path = path[: path.index(b"\0")]
    return path


@builtin(2)
def mkdir(co: Coroutine, path: Value, mode: Value) -> Value:
    """Create a directory."""
    where = _path(path)
    if mode is not None and type(mode) is not int:
        wrong_type(2)
    try:
        os.mkdir(where, 0o755 if mode is None else mode & 0o7777)
    except OSError:
        return False
    return True


@builtin(1)
def remove(co: Coroutine, path: Value) -> Value:
    """Remove a file, or a directory with all that is in it."""
    where = _path(path)
    try:
        if not os.path.isdir(where) or os.path.islink(where):
            os.unlink(where)
            return True
        for folder, folders, files in os.walk(where, topdown=False):
            for name in files:
                os.unlink(os.path.join(folder, name))
            for name in folders:
                inner = os.path.join(folder, name)
                (os.unlink if os.path.islink(inner) else os.rmdir)(inner)
        os.rmdir(where)
    except OSError:
        return False
    return True


@builtin(1)
def exist(co: Coroutine, path: Value) -> Value:
    """Return whether the path exists."""
    return os.path.exists(_path(path))


@builtin(1)
def isdir(co: Coroutine, path: Value) -> Value:
    """Return whether the path is a directory."""
    return os.path.isdir(_path(path))


@builtin(1)
def lsdir(co: Coroutine, path: Value) -> Value:
    """Return the names in a directory, `.` and `..` among them."""
    try:
        return Array.from_list([b".", b"..", *os.listdir(_path(path))])
    except OSError:
        return False


@builtin(0)
def time(co: Coroutine) -> Value:
    """Return the seconds since 1970."""
    return int(clock.time())


@builtin(1)
def utctime(co: Coroutine, moment: Value) -> Value:
    """Return a time as text."""
    from ._cron import civil

    year, month, day, hour, minute, second = civil(integer(moment, 1))
    return b"%02d/%02d/%d %02d:%02d:%02d UTC" % (month, day, year, hour, minute, second)


@builtin(2)
def cron(co: Coroutine, expression: Value, moment: Value) -> Value:
    """Return the next time that a cron expression names, false if it is not valid."""
    from ._cron import next_time

    return next_time(string(expression, 1), integer(moment, 2)) or False


@builtin(1)
def msleep(co: Coroutine, milliseconds: Value) -> Value:
    """Sleep; 0 lets all others run once."""
    if type(milliseconds) is not int or milliseconds < 0:
        invalid(1)
    co.scheduler.suspend(co, milliseconds / 1000)
    return None


@builtin(1)
def path(co: Coroutine, name: Value) -> Value:
    """Return a path with a leading `@` replaced by the script's directory."""
    given = string(name, 1)
    return co.script_dir + b"/" + given[1:] if given[:1] == b"@" else given


@builtin(6, refs=(2,), name="exec")
def run_command(
    co: Coroutine,
    command: Value,
    bufsize: Value,
    pid: Cell,
    user: Value,
    group: Value,
    queue: Value,
) -> Value:
    """Run a command and return what it writes; without one, list those that run."""
    from ._exec import listed, run

    if command is None:
        return listed(co)
    line = string(command, 1)
    if bufsize is not None and type(bufsize) is not int:
        wrong_type(2)
    limit = None if bufsize is None or bufsize < 0 else bufsize
    names = [value if type(value) is bytes else None for value in (user, group, queue)]
    return run(co, line, limit, pid, *names)


FUNCTIONS: dict[bytes, Builtin] = {
    function.name: function
    for function in (
        *(print_value, size, *TYPES, keys, merge, diff, key_diff, has, getter, setter, mkdir),
        *(remove, exist, isdir, lsdir, time, utctime, cron, msleep, path, run_command),
    )
}

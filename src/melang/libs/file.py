"""The library `file`: the set `File`, an object of which is one open file at a time.

Rule: a method works on descriptors only that a `File` of the same coroutine has opened,
whatever a script writes into the property `fd`; and what a coroutine leaves open is
closed at its end.
"""

from __future__ import annotations

import errno
import os

from ..builtin import builtin
from ..errors import MelangError
from ..plain import Value
from ..values import Object, SetDef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

RESOURCE = "file"
WHENCE = {b"begin": os.SEEK_SET, b"current": os.SEEK_CUR, b"end": os.SEEK_END}


def descriptor(co: Coroutine, this: Value) -> int | None:
    """Return the descriptor of an open `File`; else None, and say so in `errno`."""
    require_number(this)
    fd: int = this.props[b"fd"]
    if fd not in opened_by(co):
        this.put(b"errno", errno.EBADF)
        return None
    return fd


def require_file(this: Value) -> None:
    """Make sure that `this` is a `File`: methods can be put into other objects."""
    if not isinstance(this, Object):
        raise MelangError("'this' not object.")
    if this.set_name != SET.name:
        raise MelangError("Invalid set type, File object required.")


def require_number(this: Value) -> None:
    """Make sure that `this` is a `File` whose `fd` is a number still."""
    require_file(this)
    if b"fd" not in this.props:
        raise MelangError("Lack of member 'fd'.")
    if type(this.props[b"fd"]) is not int:
        raise MelangError("Invalid type of 'fd'.")


def opened_by(co: Coroutine) -> set[int]:
    """Return the descriptors that this coroutine has open; they are closed at its end."""
    opened: set[int] | None = co.resources.get(RESOURCE)
    if opened is None:
        opened = co.resources[RESOURCE] = set()
        co.on_end(lambda: close_all(opened))
    return opened


def close_all(opened: set[int]) -> None:
    while opened:
        os.close(opened.pop())


def failed(this: Value, error: OSError) -> bool:
    """Note the reason and return what a failed method does."""
    this.put(b"errno", error.errno)
    return False


@builtin(3, method=True, name="open")
def open_(co: Coroutine, this: Value, path: Value, mode: Value, permissions: Value) -> Value:
    require_number(this)
    if type(path) is not bytes:
        raise MelangError("'path' demand string.")
    if type(mode) is not bytes:
        raise MelangError("'op' demand string.")
    if permissions is None:
        permissions = 0o644
    if type(permissions) is not int:
        raise MelangError("'prio' demand integer.")
    flags = open_flags(mode)
    if this.props[b"fd"] in opened_by(co):
        close_one(co, this)
    try:
        fd = os.open(path.split(b"\0")[0], flags, permissions & 0o777)
    except OSError as error:
        this.put(b"fd", -1)
        return failed(this, error)
    opened_by(co).add(fd)
    this.put(b"fd", fd)
    return True


def open_flags(mode: bytes) -> int:
    """Return the flags for any mix of the letters r, w, a and +."""
    if mode.strip(b"rwa+"):
        raise MelangError("Invalid 'op'.")
    r, w, a, plus = (letter in mode for letter in (b"r", b"w", b"a", b"+"))
    if not w and (r or not mode):
        flags = os.O_RDONLY
    elif w and not r:
        flags = os.O_WRONLY | os.O_CREAT
    else:
        flags = os.O_RDWR | os.O_CREAT
    if flags & os.O_CREAT and not a and not plus:
        flags |= os.O_TRUNC
    return flags | os.O_APPEND if a else flags


@builtin(1, method=True)
def read(co: Coroutine, this: Value, size: Value) -> Value:
    fd = descriptor(co, this)
    if fd is None:
        return False
    if type(size) is not int:
        raise MelangError("'nbytes' demand integer.")
    if size <= 0:
        return None
    try:
        return os.read(fd, min(size, readable(fd)))
    except OSError as error:
        return failed(this, error)


def readable(fd: int) -> int:
    """Return a bound for one read; the kernel would want memory for what is asked for."""
    return max(os.fstat(fd).st_size, 1 << 20)


@builtin(1, method=True)
def write(co: Coroutine, this: Value, data: Value) -> Value:
    fd = descriptor(co, this)
    if fd is None:
        return False
    if type(data) is not bytes:
        raise MelangError("'buf' demand string.")
    try:
        return os.write(fd, data)
    except OSError as error:
        return failed(this, error)


@builtin(2, method=True)
def lseek(co: Coroutine, this: Value, offset: Value, whence: Value) -> Value:
    require_number(this)
    if type(offset) is not int:
        raise MelangError("'offset' demand integer.")
    if offset < 0:
        this.put(b"errno", errno.EBADF)
        return False
    if type(whence) is not bytes:
        raise MelangError("'whence' demand string.")
    if whence not in WHENCE:
        raise MelangError("Invalid argument 'whence'.")
    fd = descriptor(co, this)
    if fd is None:
        return False
    try:
        os.lseek(fd, offset, WHENCE[whence])
    except OSError as error:
        return failed(this, error)
    return True


@builtin(0, method=True)
def size(co: Coroutine, this: Value) -> Value:
    fd = descriptor(co, this)
    return False if fd is None else os.fstat(fd).st_size


@builtin(0, method=True)
def close(co: Coroutine, this: Value) -> Value:
    if descriptor(co, this) is None:
        return False
    close_one(co, this)
    return None


def close_one(co: Coroutine, this: Object) -> None:
    fd = this.props[b"fd"]
    opened_by(co).discard(fd)
    this.put(b"fd", -1)
    os.close(fd)


@builtin(0, method=True)
def errmsg(co: Coroutine, this: Value) -> Value:
    require_file(this)
    number = this.props.get(b"errno")
    return os.strerror(number if type(number) is int else 0).encode()


SET = SetDef(
    b"File",
    {
        b"fd": -1,
        b"errno": 0,
        b"open": open_,
        b"read": read,
        b"write": write,
        b"lseek": lseek,
        b"size": size,
        b"close": close,
        b"errmsg": errmsg,
    },
)
SETS = {SET.name: SET}
RESULT = SET.name

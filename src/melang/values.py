"""The values of the language that Python does not have, and how they read as text.

nil, bool, int, real and string are `None`, `bool`, `int` (kept within 64 bits),
`float` and `bytes`.  This module has the rest: arrays, objects, functions, sets,
and the cell, through which a variable is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .errors import NO_FUNCTION, SET_AS_VALUE, UNSUPPORTED, MelangError

TYPE_CHECKING = False  # typing itself would cost a tenth of the start-up time
if TYPE_CHECKING:
    from typing import Any

    Value = Any  # None | bool | int | float | bytes | Array | Object | Function
else:
    Value = object

INT_MAX = 0x7FFFFFFFFFFFFFFF
INT_MIN = -0x8000000000000000
EPSILON = 2.220446049250313e-16


def wrap(number: int) -> int:
    """Return `number` cut to 64 bits, two's complement."""
    if INT_MIN <= number <= INT_MAX:
        return number
    number &= 0xFFFFFFFFFFFFFFFF
    return number - 0x10000000000000000 if number > INT_MAX else number


class Array:
    """A list and dictionary in one: elements have an index and possibly a key.

    As long as the indices are 0 to n-1 the values are in `dense`, which is the
    usual case and the one the compiled code reaches into; else they are in
    `sparse`, by index, and `dense` is empty.  `keys` leads from a key (see
    `key_of`) to an index.
    """

    __slots__ = ("dense", "keys", "next", "sparse", "watched")

    def __init__(self) -> None:
        self.dense: list[Value] = []
        self.sparse: dict[int, Value] | None = None
        self.keys: dict[Value, int] | None = None
        self.next = 0  # the next free index, kept in sparse arrays only
        self.watched: dict[int, Cell] | None = None

    @classmethod
    def from_list(cls, values: list[Value]) -> Array:
        """Return an array of these values; the list is taken over, not copied."""
        array = cls()
        array.dense = values
        return array

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[Value, Value]]) -> Array:
        """Return an array with these keys and values, set one after the other."""
        array = cls()
        for key, value in pairs:
            array.set(key, value)
        return array

    def __len__(self) -> int:
        return len(self.dense if self.sparse is None else self.sparse)

    def append(self, value: Value) -> None:
        """Add a value at the next free index."""
        if self.sparse is None:
            self.dense.append(value)
        else:
            self.sparse[self.next] = value
            self.next += 1

    def find(self, key: Value, default: Value = None) -> Value:
        """Return the element with this index or key, or the default; creates nothing."""
        if type(key) is int:
            index = key if key >= 0 else key + self.end()
            if self.sparse is not None:
                return self.sparse.get(index, default)
            return self.dense[index] if 0 <= index < len(self.dense) else default
        if self.keys is None or (index := self.keys.get(key_of(key), -1)) < 0:
            return default
        return self.at(index)

    def get(self, key: Value) -> Value:
        """Return the element as a script reads it: one that is missing is created as nil."""
        return self.at(self.touch(key))

    def set(self, key: Value, value: Value) -> None:
        """Store a value: int is an index, nil appends, anything else is a key."""
        self.put(self.touch(key), value)

    def touch(self, key: Value) -> int:
        """Return the index that `key` leads to, creating the element if it is missing."""
        if type(key) is int:
            return self._touch_index(key)
        if key is None:
            self.append(None)
            return self.end() - 1
        if self.keys is None:
            self.keys = {}
        index = self.keys.get(key := key_of(key))
        if index is None:
            index = self.keys[key] = self.end()
            self.append(None)
        return index

    def _touch_index(self, index: int) -> int:
        end = self.end()
        if index < 0:
            index += end
            if index < 0:
                raise MelangError("Invalid offset")
        if self.sparse is None:
            if index < end:
                return index
            if index == end:
                self.dense.append(None)
                return index
            self._spread()
        assert self.sparse is not None
        if index not in self.sparse:
            self.sparse[index] = None
            self.next = max(self.next, index + 1)
        return index

    def at(self, index: int) -> Value:
        """Return the element with this index, nil if there is none."""
        if self.sparse is not None:
            return self.sparse.get(index)
        return self.dense[index] if index < len(self.dense) else None

    def put(self, index: int, value: Value) -> None:
        """Store into an element that exists."""
        if self.sparse is None:
            self.dense[index] = value
        else:
            self.sparse[index] = value

    def end(self) -> int:
        """Return the next free index."""
        return len(self.dense) if self.sparse is None else self.next

    def values(self) -> list[Value]:
        """Return the values in the order of their indices (do not change the list)."""
        if self.sparse is None:
            return self.dense
        return [self.sparse[index] for index in sorted(self.sparse)]

    def indices(self) -> Iterable[int]:
        """Return the indices, in order."""
        return range(len(self.dense)) if self.sparse is None else sorted(self.sparse)

    def items(self) -> Iterator[tuple[Value, Value]]:
        """Yield key (None if it has none) and value of each element, in index order."""
        names = self.names()
        for index, value in zip(self.indices(), list(self.values()), strict=True):
            yield names.get(index), value

    def names(self) -> dict[int, Value]:
        """Return the keys by index."""
        if not self.keys:
            return {}
        return {index: plain_key(key) for key, index in self.keys.items()}

    def _spread(self) -> None:
        self.sparse = dict(enumerate(self.dense))
        self.next = len(self.dense)
        self.dense = []


class WatchedArray(Array):
    """An array one of whose elements has a watch: no shortcut may store into it."""

    __slots__ = ()

    def put(self, index: int, value: Value) -> None:
        assert self.watched is not None
        cell = self.watched.get(index)
        if cell is not None and cell.watch is not None:
            value = cell.watch(value)
        Array.put(self, index, value)


def key_of(key: Value) -> Value:
    """Return what stands for a key in `Array.keys`.

    Keys are equal if type and value are.  No int ever is a key, so bools may
    stand for themselves; reals must not, because True == 1.0.
    """
    return ("real", key) if type(key) is float else key


def plain_key(key: Value) -> Value:
    """Return the key that `key_of` was given."""
    return key[1] if type(key) is tuple else key


class Object:
    """An object: its properties by name, and the name of its set (None: no set)."""

    __slots__ = ("props", "set_name", "watched")

    def __init__(self, set_name: bytes | None, props: dict[bytes, Value]) -> None:
        self.props = props
        self.set_name = set_name
        self.watched: dict[bytes, Cell] | None = None

    def at(self, name: bytes) -> Value:
        """Return a property; one that is missing is created as nil, as scripts do."""
        return self.props.setdefault(name)

    def put(self, name: bytes, value: Value) -> None:
        """Store a property."""
        self.props[name] = value


class WatchedObject(Object):
    """An object one of whose properties has a watch."""

    __slots__ = ()

    def put(self, name: bytes, value: Value) -> None:
        assert self.watched is not None
        cell = self.watched.get(name)
        if cell is not None and cell.watch is not None:
            value = cell.watch(value)
        self.props[name] = value


class SetDef:
    """A set: what `$Name` makes an object of.

    Native ones (`libs/file.py`) have `Builtin`s made with `method=True` among
    their members, which get the object as their second argument.
    """

    __slots__ = ("members", "name", "where")

    def __init__(self, name: bytes, members: dict[bytes, Value], where: int = 0) -> None:
        self.name = name
        self.members = members
        self.where = where

    def new(self) -> Object:
        """Return a new object of this set."""
        props = {}
        for name, value in self.members.items():
            props[name] = value.copied() if type(value) is Closure else value
        return Object(self.name, props)


class Cell:
    """A variable that is shared: by reference, by a capture or with a watch.

    One that belongs to an element or a property (`owner`, `key`) has its value
    there.  `buffer` holds a string that is being appended to, see `append`.
    Libraries know it as `Ref`.
    """

    __slots__ = ("buffer", "key", "owner", "value", "watch")

    def __init__(
        self, value: Value = None, owner: Array | Object | None = None, key: Value = None
    ) -> None:
        self.value = value
        self.owner = owner
        self.key = key
        self.buffer: bytearray | None = None
        self.watch: Callable[[Value], Value] | None = None

    def get(self) -> Value:
        """Return the value of the variable."""
        if self.owner is not None:
            return self.owner.at(self.key)
        if self.value is PENDING:
            assert self.buffer is not None
            self.value = bytes(self.buffer)
        if type(self.value) is SetDef:
            raise MelangError(SET_AS_VALUE)
        return self.value

    def set(self, value: Value) -> None:
        """Store a value into the variable."""
        if self.owner is not None:
            self.owner.put(self.key, value)
            return
        if self.watch is not None:
            value = self.watch(value)
        self.buffer = None
        self.value = value

    def append(self, tail: bytes) -> None:
        """Append to the string in this cell without copying it.

        Python's bytes cannot grow, so a hundred thousand `s += 'x'` would copy
        gigabytes; the text is put together when it is read.
        """
        if self.buffer is None:
            self.buffer = bytearray(self.value)
        self.buffer += tail
        self.value = PENDING


Ref = Cell
PENDING: Value = object()  # the value of a cell whose text is still in its buffer
UNDEF = Cell()  # what a variable holds before it exists


class Function:
    """A function of a script.

    `py` takes `this` and one value per parameter.  `f0` … `f6` are what a call
    with so many arguments calls, plain slots because compiled code reads one per
    call.  Bit i of `mask` says that argument i is wanted as a `Cell`.
    """

    __slots__ = (
        *("arity", "f0", "f1", "f2", "f3", "f4", "f5", "f6"),
        *("mask", "name", "params", "py", "rest", "where"),
    )

    def __init__(
        self,
        name: bytes,
        py: Callable[..., Value],
        params: tuple[bytes, ...] = (),
        mask: int = 0,
        rest: bool = False,
        where: int = 0,
    ) -> None:
        self.name = name
        self.py = py
        self.arity = arity = len(params)
        self.params = params
        self.mask = mask
        self.rest = rest  # wants the surplus arguments as an array
        self.where = where
        self.f0 = py
        if arity < 6:
            more = self._surplus()
            self.f1 = py if arity > 0 else more
            self.f2 = py if arity > 1 else more
            self.f3 = py if arity > 2 else more
            self.f4 = py if arity > 3 else more
            self.f5 = py if arity > 4 else more
            self.f6 = more
        else:
            self.f1 = self.f2 = self.f3 = self.f4 = self.f5 = self.f6 = py

    def __eq__(self, other: object) -> bool:
        """Functions are equal if their code is: a copy of a closure equals it."""
        return isinstance(other, Function) and self.code() is other.code()

    def __hash__(self) -> int:
        return id(self.code())

    def code(self) -> object:
        """Return what makes the function this one."""
        return self.py.__code__

    def call_with(self, count: int) -> Callable[..., Value]:
        """Return the callable for `count` arguments after `this`."""
        return self.py if count <= self.arity else self._surplus()

    def _surplus(self) -> Callable[..., Value]:
        py, arity = self.py, self.arity

        def with_args(this: Value, *values: Value) -> Value:
            rest = [value.get() if type(value) is Cell else value for value in values[arity:]]
            return py(this, *values[:arity], Array.from_list(rest))

        def without_args(this: Value, *values: Value) -> Value:
            return py(this, *values[:arity])

        return with_args if self.rest else without_args


class Closure(Function):
    """A function with captured variables; `copied` is what an assignment stores."""

    __slots__ = ("cells", "shared")

    cells: dict[str, Cell]
    shared: frozenset[str]

    def copied(self) -> Closure:
        """Return a function with a copy of the variables that were captured by value."""
        cells = {
            name: cell if name in self.shared else Cell(cell.get())
            for name, cell in self.cells.items()
        }
        return bind(self, cells, self.shared)


def bind(function: Function, cells: dict[str, Cell], shared: frozenset[str]) -> Closure:
    """Return `function` with captured variables: keyword-only defaults of its code."""
    old: Any = function.py
    py = type(old)(old.__code__, old.__globals__, old.__name__, old.__defaults__)
    py.__kwdefaults__ = cells
    closure = Closure(
        function.name, py, function.params, function.mask, function.rest, function.where
    )
    closure.cells = cells
    closure.shared = shared
    return closure


def truth(value: Value) -> bool:
    """Return whether a condition takes this value as true."""
    if type(value) is float:
        return abs(value) > EPSILON or value != value
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


def unsupported() -> MelangError:
    """Return the error of an operator that does not know its operands."""
    return MelangError(UNSUPPORTED)


def no_function() -> MelangError:
    """Return the error of a call that finds nothing to call."""
    return MelangError(NO_FUNCTION)

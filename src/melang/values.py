"""The values of the language that Python does not have, other than arrays.

nil, bool, int, real and string are `None`, `bool`, `int` (kept within 64 bits),
`float` and `bytes`.  This module has objects, functions, sets, and the cell,
through which a variable is shared.
"""

from __future__ import annotations

from collections.abc import Callable

from .array import Array
from .errors import SET_AS_VALUE, MelangError
from .plain import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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

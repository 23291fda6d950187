"""How a function written in Python becomes a value of the language."""

from __future__ import annotations

from collections.abc import Callable

from .plain import Value
from .values import Cell, Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .coroutine import Coroutine


class Running:
    """The coroutine that runs at the moment; the scheduler sets it at each switch."""

    __slots__ = ("co",)

    co: Coroutine


running = Running()


class Builtin(Function):
    """A library function: gets the coroutine and exactly `arity` values."""

    __slots__ = ("fn", "method")

    def __init__(
        self,
        name: bytes,
        fn: Callable[..., Value],
        arity: int,
        mask: int,
        method: bool,
        wraps: bool = True,
    ) -> None:
        self.name = name
        self.fn = fn
        self.method = method
        self.arity = arity
        self.params = (b"",) * arity
        self.mask = mask
        self.rest = False
        self.where = 0
        call = _fitting(fn, arity, mask if wraps else 0, method)
        self.py = self.f0 = self.f1 = self.f2 = self.f3 = self.f4 = self.f5 = self.f6 = call
        if mask or method:
            return
        if arity == 1:
            self.f1 = lambda this, first: fn(running.co, first)
        elif arity == 2:
            self.f2 = lambda this, first, second: fn(running.co, first, second)

    def code(self) -> object:
        return self.fn

    def call_with(self, count: int) -> Callable[..., Value]:
        """Return a callable for `this` and `count` values: the same for all."""
        return self.py


def _fitting(fn: Callable[..., Value], arity: int, mask: int, method: bool) -> Callable[..., Value]:
    """Return what calls `fn` with as many values as it takes, whatever it is given."""

    def fit(this: Value, *values: Value) -> Value:
        count = len(values)
        if count > arity:
            values = values[:arity]
        elif count < arity:
            values += (None,) * (arity - count)
        if mask:
            values = tuple(
                Cell(value) if mask & (1 << index) and type(value) is not Cell else value
                for index, value in enumerate(values)
            )
        if method:
            return fn(running.co, this, *values)
        return fn(running.co, *values)

    return fit


def builtin(
    arity: int,
    refs: tuple[int, ...] = (),
    *,
    name: str = "",
    method: bool = False,
    wraps: bool = True,
) -> Callable[[Callable[..., Value]], Builtin]:
    """Make a `Builtin` of `def f(co, a1, …, aN)`; its name is the Python one or `name`.

    It is always called with exactly `arity` values: missing ones are None, surplus
    ones are dropped.  Positions in `refs`, counted from 0, get a `Ref` with `.get()`
    and `.set(value)` instead of the value; an expression or a missing argument gives
    one that leads nowhere, or the value if not `wraps`.  A `method` gets the object between
    `co` and the arguments: for the members of a native `SetDef`.
    """
    mask = sum(1 << index for index in refs)

    def make(fn: Callable[..., Value]) -> Builtin:
        return Builtin((name or fn.__name__).encode(), fn, arity, mask, method, wraps)

    return make

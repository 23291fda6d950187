"""How a function written in Python becomes a value of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .values import Cell, Function, Value

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
        self, name: bytes, fn: Callable[..., Value], arity: int, mask: int, method: bool
    ) -> None:
        super().__init__(name, fn, (b"",) * arity, mask)
        self.fn = fn
        self.method = method

    def __getattr__(self, name: str) -> Callable[..., Value]:
        """Fill in `fN`, or `py`, which takes as many values as it has parameters."""
        if len(name) != 2 or name[0] != "f" or not name[1].isdigit():
            raise AttributeError(name)
        call = self.call_with(int(name[1]))
        setattr(self, name, call)
        return call

    def call_with(self, count: int) -> Callable[..., Value]:
        """Return a callable for `this` and `count` values."""
        fn, arity, mask = self.fn, self.arity, self.mask
        if self.method:
            missing = (None,) * (arity - count)
            return lambda this, *values: fn(running.co, this, *values[:arity], *missing)
        if count == 1 == arity:
            return lambda this, first: fn(running.co, first)
        if count >= arity:
            return lambda this, *values: fn(running.co, *values[:arity])
        if not mask >> count:
            missing = (None,) * (arity - count)
            return lambda this, *values: fn(running.co, *values, *missing)

        def with_refs(this: Value, *values: Value) -> Value:
            missing = [Cell() if mask & (1 << i) else None for i in range(count, arity)]
            return fn(running.co, *values, *missing)

        return with_refs


def builtin(
    arity: int, refs: tuple[int, ...] = (), *, name: str = "", method: bool = False
) -> Callable[[Callable[..., Value]], Builtin]:
    """Make a `Builtin` of `def f(co, a1, …, aN)`; its name is the Python one or `name`.

    It is always called with exactly `arity` values: missing ones are None, surplus
    ones are dropped.  Positions in `refs`, counted from 0, get a `Ref` with `.get()`
    and `.set(value)` instead of the value; an expression or a missing argument gives
    one that leads nowhere.  A `method` gets the object between
    `co` and the arguments: for the members of a native `SetDef`.
    """
    mask = sum(1 << index for index in refs)

    def make(fn: Callable[..., Value]) -> Builtin:
        return Builtin((name or fn.__name__).encode(), fn, arity, mask, method)

    return make

"""Operator overloading: functions with special names replace operators.

`__TYPE_OP_operator__`, visible from where the operator stands or a member of the
object's set, is called instead of operator OP for operands of TYPE.  Programs
without such a name are compiled without a thought of it.
"""

from __future__ import annotations

from collections.abc import Callable

from .array import Array
from .builtin import running
from .calls import call_function, member_function, property_of, variable_named
from .operators import ASSIGN, BINARY, negative, reverse, stepped
from .plain import Value
from .texts import truth
from .values import Cell, Function, Object

OPERATORS = {
    "+": "plus",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "%": "mod",
    "<<": "lmov",
    ">>": "rmov",
    "|": "cor",
    "&": "cand",
    "^": "cxor",
    "==": "equal",
    "!=": "nonequal",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "=": "assign",
    "+=": "pluseq",
    "-=": "subeq",
    "<<=": "lmoveq",
    ">>=": "rmoveq",
    "*=": "muleq",
    "/=": "diveq",
    "|=": "oreq",
    "&=": "andeq",
    "^=": "xoreq",
    "%=": "modeq",
}
STORING = frozenset(
    (
        "assign",
        "pluseq",
        "subeq",
        "lmoveq",
        "rmoveq",
        "muleq",
        "diveq",
        "oreq",
        "andeq",
        "xoreq",
        "modeq",
        "sinc",
        "sdec",
        "pinc",
        "pdec",
    )
)
_TYPES = {type(None): b"nil", bool: b"bool", int: b"int", float: b"real", bytes: b"str"}


Hook = tuple[Function, bytes, Value]  # what is called, its name, and `this`


def _hook(value: Value, operator: str) -> Hook | None:
    """Return the function that replaces the operator for this value, unless it is running."""
    kind = _TYPES.get(type(value))
    if kind is None:
        kind = b"func"
        if isinstance(value, Object):
            kind = b"obj"
        elif isinstance(value, Array):
            kind = b"array"
    name = b"__%s_%s_operator__" % (kind, operator.encode())
    if name in running.co.hooks_running:
        return None
    found = value.props.get(name) if isinstance(value, Object) else None
    if isinstance(found, Function):
        return found, name, value
    found = variable_named(name)
    return (found, name, None) if isinstance(found, Function) else None


def _replaced(hook: Hook, args: list[Value]) -> Value:
    function, name, this = hook
    co = running.co
    co.hooks_running.add(name)
    try:
        return call_function(function, args, this)
    finally:
        co.hooks_running.discard(name)


def hooked_binary(op: str, a: Value, b: Value) -> Value:
    """Return `a op b`."""
    a = a.get() if type(a) is Cell else a
    b = b.get() if type(b) is Cell else b
    hook = _hook(a, OPERATORS[op])
    return BINARY[op](a, b) if hook is None else _replaced(hook, [a, b])


def hooked_unary(op: str, a: Value) -> Value:
    """Return `-a`, `~a` or `!a`."""
    a = a.get() if type(a) is Cell else a
    name, plain = _UNARY[op]
    hook = _hook(a, name)
    return plain(a) if hook is None else _replaced(hook, [a])


_UNARY: dict[str, tuple[str, Callable[[Value], Value]]] = {
    "-": ("negative", negative),
    "~": ("reverse", reverse),
    "!": ("not", lambda a: not truth(a)),
}


def hooked_assign(op: str, place: Cell, value: Value) -> Value:
    """Return the value of `place op value`; a hook stores only by its own reference."""
    hook = _hook(value, OPERATORS[op])
    if hook is not None:
        return _replaced(hook, [place, value])
    place.set(value if op == "=" else ASSIGN[op](place.get(), value))
    return place.get()


def hooked_step(op: str, place: Cell, prefix: bool) -> Value:
    """Return the value of `++`, `--` before or behind a variable."""
    old = place.get()
    name = ("p" if prefix else "s") + ("inc" if op == "++" else "dec")
    hook = _hook(old, name)
    if hook is not None:
        return _replaced(hook, [place])
    place.set(stepped(old, 1 if op == "++" else -1))
    return place.get() if prefix else old


def hooked_member(operator: str, base: Value, key: Value, plain: Callable[..., Value]) -> Value:
    """Return `base[key]` or `base.key`."""
    base = base.get() if type(base) is Cell else base
    hook = _hook(base, operator)
    return plain(base, key) if hook is None else _replaced(hook, [base, key])


def hooked_method(base: Value, name: bytes) -> Function:
    """Return the function to call for `base.name(…)`."""
    base = base.get() if type(base) is Cell else base
    return member_function(base, hooked_member("property", base, name, property_of))

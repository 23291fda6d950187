"""What the operators do, for every pair of types.

Compiled code does int with int itself and comes here for everything else.  For
`a + b` the left operand's type selects the rule, for `a += b` the right one's;
the tables are those of docs/melang.md.  Operands may be cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import UNSUPPORTED, MelangError
from .plain import EPSILON, INT_MAX, INT_MIN, Value, wrap
from .texts import text
from .values import Cell, Function

Operator = Callable[[Value, Value], Value]
# Patterns are compiled at their first use: most scripts start sooner without.
_INT = rb"[ \t\n\v\f\r]*([+-]?[0-9]+)"
_REAL = (
    rb"[ \t\n\v\f\r]*([+-]?(?:0[xX][0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?(?:[pP][+-]?[0-9]+)?"
    rb"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?|nan)))"
)


def scan_int(string: bytes) -> int:
    """Return the integer at the start of a string as C's `%ld` reads it, 0 if there is none."""
    found = re.match(_INT, string)
    if found is None:
        return 0
    digits = found.group(1)
    if len(digits) > 25:
        return INT_MIN if digits[:1] == b"-" else INT_MAX
    return max(INT_MIN, min(INT_MAX, int(digits)))


def scan_real(string: bytes) -> float:
    """Return the real at the start of a string as C's `%lf` reads it, 0.0 if there is none."""
    found = re.match(_REAL, string)
    if found is None:
        return 0.0
    number = found.group(1).decode()
    if "x" in number.lower():
        try:
            return float.fromhex(number)
        except OverflowError:
            return float("-inf" if number[0] == "-" else "inf")
    return float(number)


def to_int(real: float) -> int:
    """Return a real cut to an int, as the processor does: out of range is the minimum."""
    return int(real) if INT_MIN <= real < -INT_MIN else INT_MIN


def unwrapped(a: Value, b: Value) -> tuple[Value, Value]:
    """Return the operands out of their cells."""
    return (a.get() if type(a) is Cell else a), (b.get() if type(b) is Cell else b)


def fail(a: Value, b: Value) -> Value:
    """Refuse the operands."""
    raise MelangError(UNSUPPORTED)


def add(a: Value, b: Value) -> Value:
    """Return `a + b`."""
    a, b = unwrapped(a, b)
    left, right = type(a), type(b)
    if left is bytes:
        return a + (b if right is bytes else text(b))
    if right is bytes:
        return text(a) + b
    if left is int and right is int:
        return wrap(a + b)
    if (left is int or left is float) and (right is int or right is float):
        return a + b
    raise MelangError(UNSUPPORTED)


def arithmetic(apply: Operator) -> Operator:
    """Return the operator for an int or real with a number, or a string that begins with one."""

    def operator(a: Value, b: Value) -> Value:
        a, b = unwrapped(a, b)
        if type(a) is not int and type(a) is not float:
            raise MelangError(UNSUPPORTED)
        if type(b) is bytes:
            b = scan_int(b) if type(a) is int else scan_real(b)
        elif type(b) is not int and type(b) is not float:
            raise MelangError(UNSUPPORTED)
        return apply(a, b)

    return operator


def _subtract(a: Value, b: Value) -> Value:
    return wrap(a - b) if type(a) is type(b) is int else a - b


def _multiply(a: Value, b: Value) -> Value:
    return wrap(a * b) if type(a) is type(b) is int else a * b


def _divide(a: Value, b: Value) -> Value:
    if type(a) is type(b) is int:
        if b == 0:
            raise MelangError("Division by zero.")
        quotient = abs(a) // abs(b)
        return wrap(quotient if (a < 0) == (b < 0) else -quotient)
    if abs(b) <= EPSILON:
        raise MelangError("Division by zero.")
    return a / b


def _remainder(a: int, b: int) -> int:
    if b == 0:
        raise MelangError("Modulo by zero.")
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def _shift_left(a: int, b: int) -> int:
    return wrap(a << (b & 63))


def _shift_right(a: int, b: int) -> int:
    return a >> (b & 63)


def integral(apply: Callable[[int, int], int]) -> Operator:
    """Return the operator for an int with an int or a string that begins with one."""

    def operator(a: Value, b: Value) -> Value:
        a, b = unwrapped(a, b)
        if type(b) is bytes:
            b = scan_int(b)
        if type(a) is int and type(b) is int:
            return apply(a, b)
        raise MelangError(UNSUPPORTED)

    return operator


def bitwise(apply: Callable[[int, int], int]) -> Operator:
    """Return the operator for an int with an int or a real, which is cut."""

    def operator(a: Value, b: Value) -> Value:
        a, b = unwrapped(a, b)
        if type(b) is float:
            b = to_int(b)
        if type(a) is int and type(b) is int:
            return apply(a, b)
        raise MelangError(UNSUPPORTED)

    return operator


def text_order(a: bytes, b: bytes) -> int:
    """Return the sign of the order of two strings; the empty one is the greatest."""
    if a == b:
        return 0
    if not a or not b:
        return 1 if not a else -1
    return -1 if a < b else 1


def ordering(numbers: Callable[[Value, Value], bool], signs: tuple[int, ...]) -> Operator:
    """Return the comparison that is true for these signs of the order."""

    def operator(a: Value, b: Value) -> bool:
        a, b = unwrapped(a, b)
        left, right = type(a), type(b)
        if left is not int and left is not float and left is not bytes:
            raise MelangError(UNSUPPORTED)
        if right is not int and right is not float and right is not bytes:
            raise MelangError(UNSUPPORTED)
        if left is bytes or right is bytes:
            return text_order(text(a), text(b)) in signs
        return numbers(a, b)

    return operator


def equal(a: Value, b: Value) -> bool:
    """Return `a == b`."""
    a, b = unwrapped(a, b)
    left, right = type(a), type(b)
    if left is right:
        return bool(a == b)
    if left is int:
        if right is float:
            return bool(a == to_int(b))
        return right is bytes and bool(a == scan_int(b))
    if left is float:
        if right is int:
            return bool(a == b)
        return right is bytes and bool(a == scan_real(b))
    if left is bytes and (right is int or right is float):
        return bool(a == text(b))
    return isinstance(a, Function) and bool(a == b)


def nonequal(a: Value, b: Value) -> bool:
    """Return `a != b`."""
    return not equal(a, b)


BINARY: dict[str, Operator] = {
    "+": add,
    "-": arithmetic(_subtract),
    "*": arithmetic(_multiply),
    "/": arithmetic(_divide),
    "%": integral(_remainder),
    "<<": integral(_shift_left),
    ">>": integral(_shift_right),
    "&": bitwise(lambda a, b: a & b),
    "|": bitwise(lambda a, b: a | b),
    "^": bitwise(lambda a, b: a ^ b),
    "<": ordering(lambda a, b: bool(a < b), (-1,)),
    "<=": ordering(lambda a, b: bool(a <= b), (-1, 0)),
    ">": ordering(lambda a, b: bool(a > b), (1,)),
    ">=": ordering(lambda a, b: bool(a >= b), (0, 1)),
    "==": equal,
    "!=": nonequal,
}


def add_assign(a: Value, b: Value) -> Value:
    """Return what `a += b` stores."""
    a, b = unwrapped(a, b)
    left, right = type(a), type(b)
    if left is bytes:
        return a + text(b)
    if right is bytes:
        return text(a) + b
    if left is not int and left is not float:
        raise MelangError(UNSUPPORTED)
    if right is bool:
        b = int(b)
    elif right is not int and right is not float:
        raise MelangError(UNSUPPORTED)
    return wrap(a + b) if type(a) is type(b) is int else a + b


def arithmetic_assign(apply: Operator) -> Operator:
    """Return the assignment operator for two numbers."""

    def operator(a: Value, b: Value) -> Value:
        a, b = unwrapped(a, b)
        if type(a) in (int, float) and type(b) in (int, float):
            return apply(a, b)
        raise MelangError(UNSUPPORTED)

    return operator


def integral_assign(apply: Callable[[int, int], int]) -> Operator:
    """Return the assignment operator for a number, cut to an int, with an int."""

    def operator(a: Value, b: Value) -> Value:
        a, b = unwrapped(a, b)
        if type(a) is float:
            a = to_int(a)
        if type(a) is int and type(b) is int:
            return apply(a, b)
        raise MelangError(UNSUPPORTED)

    return operator


ASSIGN: dict[str, Operator] = {
    "+=": add_assign,
    "-=": arithmetic_assign(_subtract),
    "*=": arithmetic_assign(_multiply),
    "/=": arithmetic_assign(_divide),
    "%=": integral_assign(_remainder),
    "<<=": integral_assign(_shift_left),
    ">>=": integral_assign(_shift_right),
    "&=": integral_assign(lambda a, b: a & b),
    "|=": integral_assign(lambda a, b: a | b),
    "^=": integral_assign(lambda a, b: a ^ b),
}


def stepped(a: Value, by: int) -> Value:
    """Return an int or real that is one more or less."""
    if type(a) is int:
        return wrap(a + by)
    if type(a) is float:
        return a + by
    raise MelangError(UNSUPPORTED)


def negative(a: Value) -> Value:
    """Return `-a`."""
    if type(a) is int:
        return wrap(-a)
    if type(a) is float:
        return -a
    raise MelangError(UNSUPPORTED)


def reverse(a: Value) -> Value:
    """Return `~a`."""
    if type(a) is int:
        return ~a
    raise MelangError(UNSUPPORTED)

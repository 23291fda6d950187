"""Operators on numbers: the fast path for int with int, and when it is safe.

An expression of sums and products is computed with Python's unlimited ints in one
go, after one test that all its variables are ints, and cut to 64 bits once.
"""

from __future__ import annotations

import _ast as py

from .emit import LE, Emitter
from .overload import OPERATORS
from .plain import INT_MAX, INT_MIN
from .variables import Variables

Typed = tuple[py.expr, str]
ARITHMETIC: dict[str, py.operator] = {
    "+": py.Add(), "-": py.Sub(), "*": py.Mult(), "/": py.FloorDiv(), "%": py.Mod(),
    "&": py.BitAnd(), "|": py.BitOr(), "^": py.BitXor(),
}  # fmt: skip
_COMPARISONS: dict[str, py.cmpop] = {
    "<": py.Lt(), "<=": py.LtE(), ">": py.Gt(), ">=": py.GtE(), "==": py.Eq(), "!=": py.NotEq(),
}  # fmt: skip
RING = frozenset("+-*&|^")  # cutting to 64 bits may wait until the end
SMALL = 1 << 30  # Python compares ints below this limit three times as fast


class Operand:
    """An operand of an operator for which int with int has a fast path.

    `tested` are the variables that must be ints for `fast` to be right, and
    `first` the operands that are code: their evaluation is part of the test, `fast`
    and `slow` repeat them.  `fast` computes with Python's unlimited ints: sums and
    products may be cut to 64 bits at the end, with the same result.
    """

    __slots__ = ("exact", "fast", "first", "kind", "number", "slow", "tested", "whole")

    def __init__(
        self,
        node: py.expr,
        kind: str = "any",
        number: int | None = None,
        tested: tuple[str, ...] = (),
    ) -> None:
        self.fast = self.slow = self.whole = node
        self.kind = kind
        self.number = number  # the value of an int literal
        self.tested = tested
        self.first: tuple[py.expr, ...] = ()
        self.exact = True  # whether `fast` is within 64 bits


def is_cheap(node: py.expr) -> bool:
    """Return whether evaluating the node twice is free and without effect."""
    return isinstance(node, (py.Name, py.Constant))


class Arithmetic:
    """The operators of one function."""

    def __init__(self, emit: Emitter, variables: Variables, hooks: set[str]) -> None:
        self.emit = emit
        self.variables = variables
        self.hooks = hooks

    def saved(self, node: py.expr) -> tuple[py.expr, py.expr]:
        """Return code that evaluates a node and keeps it, and code that repeats it."""
        if is_cheap(node):
            return node, node
        name = self.variables.temporary()
        return self.emit.walrus(name, node), self.emit.load(name)

    def kept(self, node: py.expr, kind: str) -> Operand:
        """Return the operand of any code."""
        operand = Operand(node, kind)
        first, again = self.saved(node)
        if first is not again:
            operand.first = (first,)
            operand.fast = operand.slow = again
            operand.whole = node
        elif isinstance(node, py.Name):
            operand.tested = (node.id,)
        return operand

    def combined(self, op: str, left: Operand, right: Operand) -> Operand:
        """Return `left op right`: a bigger operand if it is only arithmetic."""
        emit = self.emit
        if op not in RING or OPERATORS[op] in self.hooks or not may_be_ints(left, right):
            return self.kept(*self.apply(op, left, right))
        if len(left.first) + len(right.first) > 2:
            left = self.kept(left.whole, "any")
            if len(right.first) > 1:
                right = self.kept(right.whole, "any")
        operand = Operand(emit.binary(left.fast, ARITHMETIC[op], right.fast))
        operand.slow = emit.call("." + op, left.slow, right.slow)
        operand.first = left.first + right.first
        operand.tested = left.tested + right.tested
        operand.exact = False
        low = high = True
        if op in ("+", "-") and right.number is not None and left.exact:
            # From within 64 bits it can leave them in one direction only.
            low, high = ((right.number >= 0) == (op == "-")), ((right.number >= 0) == (op == "+"))
        result = self.variables.temporary()
        tests = []
        value: py.expr = emit.walrus(result, operand.fast)
        if high:
            tests.append(emit.compare(value, py.Lt(), emit.const(SMALL)))
            value = emit.load(result)
        if low:
            tests.append(emit.compare(value, py.Gt(), emit.const(-SMALL)))
        cut = emit.call(".fit", emit.load(result))
        fits = emit.choose(emit.both(*tests), emit.load(result), cut)
        test = self.are_ints(operand)
        operand.whole = fits if test is None else emit.choose(test, fits, operand.slow)
        return operand

    def are_ints(self, *operands: Operand) -> py.expr | None:
        """Return the test that all operands are ints, None if that is known.

        It evaluates their code, whatever its outcome: a chain of comparisons always
        evaluates its first two links, and no more of them are code.  Variables come
        behind the code and are read late: in `i + i++` both sides see the new value.
        """
        emit = self.emit
        first = [node for operand in operands for node in operand.first]
        tested = dict.fromkeys(name for operand in operands for name in operand.tested)
        types = [emit.call(".type", node) for node in first]
        types += [
            emit.call(".type", emit.load(name))
            for name in tested
            if not self.variables.is_int(name)
        ]
        if not types:
            return None
        rest: list[py.cmpop | py.expr] = []
        for node in (*types[1:], emit.load(".int")):
            rest += (py.Is(), node)
        return emit.compare(types[0], *rest)

    def apply(self, op: str, left: Operand, right: Operand) -> Typed:
        """Return code for a binary operator that is not just combined."""
        emit = self.emit
        if OPERATORS[op] in self.hooks:
            nodes = left.whole, right.whole
            return emit.call(".hooked_binary", emit.const(op), *nodes), "any"
        comparison = _COMPARISONS.get(op)
        kind = "any" if comparison is None else "bool"
        if not may_be_ints(left, right) or (comparison is None and op not in ARITHMETIC):
            return emit.call("." + op, left.whole, right.whole), kind
        if len(left.first) + len(right.first) > 2:
            left = self.kept(left.whole, "any")
            if len(right.first) > 1:
                right = self.kept(right.whole, "any")
        slow = emit.call("." + op, left.slow, right.slow)
        ints = self.are_ints(left, right)
        tests = [] if ints is None else [ints]
        # Python rounds a quotient down, C towards zero: the same for positive operands.
        positive = op in ("/", "%")
        one = self._checked(left, tests, py.GtE() if positive else None)
        two = self._checked(right, tests, py.Gt() if positive else None)
        if comparison is not None:
            fast = emit.compare(one, comparison, two)
        else:
            fast = emit.binary(one, ARITHMETIC[op], two)
        return (emit.choose(emit.both(*tests), fast, slow) if tests else fast), kind

    def _checked(
        self, operand: Operand, tests: list[py.expr], above_zero: py.cmpop | None
    ) -> py.expr:
        """Return the fast value, and add tests that it is within 64 bits and positive."""
        emit = self.emit
        value = operand.fast
        if not operand.exact:
            name = self.variables.temporary()
            value = emit.load(name)
            computed = emit.walrus(name, operand.fast)
            small = emit.compare(computed, py.Lt(), emit.const(SMALL))
            fits = emit.compare(value, LE, emit.const(INT_MAX))
            tests.append(emit.either(small, fits))
            if above_zero is None:
                small = emit.compare(value, py.Gt(), emit.const(-SMALL))
                fits = emit.compare(value, py.GtE(), emit.const(INT_MIN))
                tests.append(emit.either(small, fits))
        if above_zero is None:
            return value
        if operand.number is None:
            tests.append(emit.compare(value, above_zero, emit.const(0)))
        elif operand.number < 0 or (operand.number == 0 and type(above_zero) is py.Gt):
            tests.append(emit.const(False))
        return value

    def with_slow(self, operand: Operand, slow: py.expr) -> py.expr:
        """Return the code of a combined operand with its slow path exchanged."""
        whole = operand.whole
        if isinstance(whole, py.IfExp) and whole.orelse is slow:
            whole.orelse = operand.slow
        return whole


def may_be_ints(left: Operand, right: Operand) -> bool:
    """Return whether a fast path makes sense: two literals need none."""
    if left.kind not in ("any", "int") or right.kind not in ("any", "int"):
        return False
    return left.number is None or right.number is None

"""Small builders of Python's syntax tree, for one position at a time.

`_ast` and not `ast`: the latter takes a tenth of the start-up time to import.
Names with a dot are the runtime's own: no script can spell them.
"""

from __future__ import annotations

import _ast as py

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOAD = py.Load()
STORE = py.Store()
IS = py.Is()
IS_NOT = py.IsNot()
LE = py.LtE()


class Emitter:
    """Builds nodes at the position `pos`."""

    __slots__ = ("pos",)

    def __init__(self) -> None:
        self.pos = 1

    def const(self, value: Any) -> py.expr:
        """A constant."""
        return py.Constant(value=value, lineno=self.pos, col_offset=0)

    def load(self, name: str) -> py.expr:
        """A variable."""
        return py.Name(id=name, ctx=LOAD, lineno=self.pos, col_offset=0)

    def store(self, name: str) -> py.Name:
        """A variable as the target of an assignment."""
        return py.Name(id=name, ctx=STORE, lineno=self.pos, col_offset=0)

    def assign(self, name: str, value: py.expr) -> py.stmt:
        """`name = value`."""
        return py.Assign(targets=[self.store(name)], value=value, lineno=self.pos, col_offset=0)

    def walrus(self, name: str, value: py.expr) -> py.expr:
        """`(name := value)`."""
        return py.NamedExpr(target=self.store(name), value=value, lineno=self.pos, col_offset=0)

    def call(self, function: str, *args: py.expr) -> py.expr:
        """A call of a runtime function."""
        return self.invoke(self.load(function), list(args))

    def invoke(self, function: py.expr, args: list[py.expr]) -> py.expr:
        """A call of anything."""
        return py.Call(func=function, args=args, keywords=[], lineno=self.pos, col_offset=0)

    def attribute(self, base: py.expr, name: str) -> py.expr:
        """`base.name`."""
        return py.Attribute(value=base, attr=name, ctx=LOAD, lineno=self.pos, col_offset=0)

    def item(self, base: py.expr, key: py.expr) -> py.expr:
        """`base[key]`."""
        return py.Subscript(value=base, slice=key, ctx=LOAD, lineno=self.pos, col_offset=0)

    def choose(self, test: py.expr, then: py.expr, other: py.expr) -> py.expr:
        """`then if test else other`."""
        return py.IfExp(test=test, body=then, orelse=other, lineno=self.pos, col_offset=0)

    def both(self, *tests: py.expr) -> py.expr:
        """`test and test`."""
        if len(tests) == 1:
            return tests[0]
        return py.BoolOp(op=py.And(), values=list(tests), lineno=self.pos, col_offset=0)

    def either(self, *tests: py.expr) -> py.expr:
        """`test or test`."""
        return py.BoolOp(op=py.Or(), values=list(tests), lineno=self.pos, col_offset=0)

    def compare(self, left: py.expr, *rest: Any) -> py.expr:
        """`left op right op right …`; the rest alternates operators and operands."""
        ops, operands = list(rest[::2]), list(rest[1::2])
        return py.Compare(left=left, ops=ops, comparators=operands, lineno=self.pos, col_offset=0)

    def binary(self, left: py.expr, op: py.operator, right: py.expr) -> py.expr:
        """`left op right`."""
        return py.BinOp(left=left, op=op, right=right, lineno=self.pos, col_offset=0)

    def unary(self, op: py.unaryop, operand: py.expr) -> py.expr:
        """`op operand`."""
        return py.UnaryOp(op=op, operand=operand, lineno=self.pos, col_offset=0)

    def negated(self, operand: py.expr) -> py.expr:
        """`not operand`."""
        return self.unary(py.Not(), operand)

    def tuple(self, *items: py.expr) -> py.expr:
        """`(item, …)`."""
        return py.Tuple(elts=list(items), ctx=LOAD, lineno=self.pos, col_offset=0)

    def array(self, items: list[py.expr]) -> py.expr:
        """`[item, …]`."""
        return py.List(elts=items, ctx=LOAD, lineno=self.pos, col_offset=0)

    def sequence(self, *items: py.expr) -> py.expr:
        """All of them evaluated in order; the value is that of the last."""
        return items[0] if len(items) == 1 else self.item(self.tuple(*items), self.const(-1))

    def first_of(self, *items: py.expr) -> py.expr:
        """All of them evaluated in order; the value is that of the first."""
        return self.item(self.tuple(*items), self.const(0))

    def type_is(self, value: py.expr, name: str) -> py.expr:
        """`type(value) is name`."""
        return self.compare(self.call(".type", value), IS, self.load(name))

    def type_is_not(self, value: py.expr, name: str) -> py.expr:
        """`type(value) is not name`."""
        return self.compare(self.call(".type", value), IS_NOT, self.load(name))

    def run(self, value: py.expr) -> py.stmt:
        """An expression as a statement."""
        return py.Expr(value=value, lineno=self.pos, col_offset=0)

    def when(self, test: py.expr, body: list[py.stmt], other: list[py.stmt]) -> py.stmt:
        """`if test: body else: other`."""
        return py.If(test=test, body=body, orelse=other, lineno=self.pos, col_offset=0)

    def forever(self, body: list[py.stmt]) -> py.stmt:
        """`while True: body`."""
        return self.loop(self.const(True), body)

    def loop(self, test: py.expr, body: list[py.stmt]) -> py.stmt:
        """`while test: body`."""
        return py.While(test=test, body=body, orelse=[], lineno=self.pos, col_offset=0)

    def leave(self) -> py.stmt:
        """`break`."""
        return py.Break(lineno=self.pos, col_offset=0)

    def again(self) -> py.stmt:
        """`continue`."""
        return py.Continue(lineno=self.pos, col_offset=0)

    def give(self, value: py.expr) -> py.stmt:
        """`return value`."""
        return py.Return(value=value, lineno=self.pos, col_offset=0)

"""The syntax tree.  Every node knows its position (see source.py).

That of an expression is its last token's, of operators of one level that of the
last token of all of them: so the original counts lines.
"""

from __future__ import annotations


class Node:
    """A piece of a program."""

    __slots__ = ("pos",)

    pos: int


class Expr(Node):
    """An expression."""

    __slots__ = ()


class Const(Expr):
    """A literal, its value ready: nil, bool, int, real or string."""

    __slots__ = ("value",)

    def __init__(self, pos: int, value: bool | int | float | bytes | None) -> None:
        self.pos = pos
        self.value = value


class Name(Expr):
    """A variable, function or set by name."""

    __slots__ = ("name",)

    def __init__(self, pos: int, name: str) -> None:
        self.pos = pos
        self.name = name


class Group(Expr):
    """A list of expressions in parentheses or a condition; the last one is the value."""

    __slots__ = ("items",)

    def __init__(self, pos: int, items: list[Expr]) -> None:
        self.pos = pos
        self.items = items


class Unary(Expr):
    """`-x`, `~x`, `!x` or `&x`."""

    __slots__ = ("op", "operand")

    def __init__(self, pos: int, op: str, operand: Expr) -> None:
        self.pos = pos
        self.op = op
        self.operand = operand


class Step(Expr):
    """`++x`, `--x`, `x++` or `x--`."""

    __slots__ = ("op", "operand", "prefix")

    def __init__(self, pos: int, op: str, operand: Expr, prefix: bool) -> None:
        self.pos = pos
        self.op = op
        self.operand = operand
        self.prefix = prefix


class Binary(Expr):
    """A binary operator, `&&` and `||` included."""

    __slots__ = ("left", "op", "right")

    def __init__(self, pos: int, left: Expr, op: str, right: Expr) -> None:
        self.pos = pos
        self.left = left
        self.op = op
        self.right = right


class Assign(Expr):
    """`=` or one of the assignment operators."""

    __slots__ = ("left", "op", "right")

    def __init__(self, pos: int, left: Expr, op: str, right: Expr) -> None:
        self.pos = pos
        self.left = left
        self.op = op
        self.right = right


class Index(Expr):
    """`base[key]`; without a key (None) it appends."""

    __slots__ = ("base", "key")

    def __init__(self, pos: int, base: Expr, key: Expr | None) -> None:
        self.pos = pos
        self.base = base
        self.key = key


class Property(Expr):
    """`base.name`."""

    __slots__ = ("base", "name")

    def __init__(self, pos: int, base: Expr, name: str) -> None:
        self.pos = pos
        self.base = base
        self.name = name


class Call(Expr):
    """`callee(args)`; a method call if the callee is a property."""

    __slots__ = ("args", "callee")

    def __init__(self, pos: int, callee: Expr, args: list[Expr]) -> None:
        self.pos = pos
        self.callee = callee
        self.args = args


class New(Expr):
    """`$Name`."""

    __slots__ = ("name",)

    def __init__(self, pos: int, name: str) -> None:
        self.pos = pos
        self.name = name


class ArrayLiteral(Expr):
    """`[value, key: value]`; the key of a plain element is None."""

    __slots__ = ("items",)

    def __init__(self, pos: int, items: list[tuple[Expr | None, Expr]]) -> None:
        self.pos = pos
        self.items = items


class Stm(Node):
    """A statement."""

    __slots__ = ()


class ExprStm(Stm):
    """An expression statement: only the first expression of its list runs."""

    __slots__ = ("expr",)

    def __init__(self, pos: int, expr: Expr) -> None:
        self.pos = pos
        self.expr = expr


class Block(Stm):
    """Statements in braces; also the empty statement."""

    __slots__ = ("body",)

    def __init__(self, pos: int, body: list[Stm]) -> None:
        self.pos = pos
        self.body = body


class If(Stm):
    """`if (test) body else other`, or `… fi`."""

    __slots__ = ("body", "other", "test")

    def __init__(self, pos: int, test: Group, body: Stm, other: Stm | None) -> None:
        self.pos = pos
        self.test = test
        self.body = body
        self.other = other


class Loop(Stm):
    """A `for`, or a `while` (with neither `first` nor `step`)."""

    __slots__ = ("body", "first", "step", "test")

    def __init__(self, pos: int, first: Group, test: Group, step: Group, body: Stm) -> None:
        self.pos = pos
        self.first = first
        self.test = test
        self.step = step
        self.body = body


class Switch(Stm):
    """`switch`; the label of `default` is None."""

    __slots__ = ("cases", "subject")

    def __init__(
        self, pos: int, subject: Group, cases: list[tuple[Expr | None, list[Stm]]]
    ) -> None:
        self.pos = pos
        self.subject = subject
        self.cases = cases


class Leave(Stm):
    """`break` or `continue`."""

    __slots__ = ("word",)

    def __init__(self, pos: int, word: str) -> None:
        self.pos = pos
        self.word = word


class Return(Stm):
    """`return`."""

    __slots__ = ("value",)

    def __init__(self, pos: int, value: Group) -> None:
        self.pos = pos
        self.value = value


class Goto(Stm):
    """`goto`."""

    __slots__ = ("label",)

    def __init__(self, pos: int, label: str) -> None:
        self.pos = pos
        self.label = label


class Label(Stm):
    """`name:`."""

    __slots__ = ("name",)

    def __init__(self, pos: int, name: str) -> None:
        self.pos = pos
        self.name = name


class FunctionDef(Stm):
    """`@name(params) $(captures) { body }`; a list is None if it is not one of names.

    `end` is the position of the last token of the body, 0 if that is empty: where the
    original says that a function is.
    """

    __slots__ = ("body", "captures", "end", "name", "params")

    def __init__(
        self,
        pos: int,
        name: str,
        params: list[tuple[str, bool]] | None,
        captures: list[tuple[str, bool]] | None,
        body: list[Stm],
        end: int = 0,
    ) -> None:
        self.pos = pos
        self.end = end
        self.name = name
        self.params = params  # name and whether it is by reference
        self.captures = captures
        self.body = body


class SetDefinition(Stm):
    """`Name { property; @method() { } }`."""

    __slots__ = ("members", "name")

    def __init__(self, pos: int, name: str, members: list[str | FunctionDef]) -> None:
        self.pos = pos
        self.name = name
        self.members = members


def target(expr: Expr) -> Expr:
    """Return what an expression in parentheses stands for as the target of an assignment."""
    while isinstance(expr, Group) and len(expr.items) == 1:
        expr = expr.items[0]
    return expr

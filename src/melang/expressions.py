"""Tokens to the syntax tree: expressions, by precedence climbing."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import (
    ArrayLiteral,
    Assign,
    Binary,
    Call,
    Const,
    Expr,
    Group,
    Index,
    Name,
    New,
    Property,
    Step,
    Unary,
)
from .plain import INT_MAX, wrap
from .scanner import Token

_LEVELS = (
    ("||",),
    ("&&",),
    ("|", "&", "^"),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_PRECEDENCE = {op: level for level, ops in enumerate(_LEVELS) for op in ops}
_ASSIGNMENTS = frozenset(("=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="))
_CONSTANTS = {"nil": None, "true": True, "false": False}


class SyntaxFault(Exception):
    """The current token does not fit."""


class ExpressionParser:
    """The current token, and the expressions that can begin with it."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self.tokens = tokens
        self.ahead: Token | None = None
        self.kind = ""
        self.text = b""
        self.pos = 0
        self.last = 0  # the position of the token before

    def advance(self) -> None:
        """Go to the next token."""
        self.last = self.pos
        if self.ahead is not None:
            self.kind, self.text, self.pos = self.ahead
            self.ahead = None
        else:
            self.kind, self.text, self.pos = next(self.tokens)

    def peek(self) -> str:
        """Return the kind of the token after this one."""
        if self.ahead is None:
            self.ahead = next(self.tokens)
        return self.ahead[0]

    def expect(self, kind: str) -> None:
        """Go over a token of this kind."""
        if self.kind != kind:
            raise SyntaxFault
        self.advance()

    def take_name(self) -> str:
        """Return the name that must be here, and go on."""
        if self.kind != "name":
            raise SyntaxFault
        name = self.text.decode()
        self.advance()
        return name

    def group(self) -> Group:
        """Return a list in parentheses."""
        self.expect("(")
        items = self.items((")",))
        self.expect(")")
        return Group(self.last, items)

    def items(self, ends: tuple[str, ...]) -> list[Expr]:
        """Return a list of expressions, up to one of these tokens if all is well."""
        items: list[Expr] = []
        while self.kind not in ends:
            items.append(self.assignment())
            if self.kind != ",":
                break
            self.advance()
        return items

    def assignment(self) -> Expr:
        """Return an expression of any kind."""
        left = self.binary(0)
        if self.kind not in _ASSIGNMENTS:
            return left
        op = self.kind
        self.advance()
        right = self.assignment()
        return Assign(self.last, left, op, right)

    def binary(self, lowest: int) -> Expr:
        """Return an expression of binary operators of at least this precedence."""
        left = self.negation()
        chain: list[Binary] = []  # of operators of one level: they have one position
        chain_level = -1
        while (level := _PRECEDENCE.get(self.kind, -1)) >= lowest:
            if level != chain_level:
                self._place(chain)
                chain, chain_level = [], level
            op = self.kind
            self.advance()
            left = Binary(0, left, op, self.binary(level + 1))
            chain.append(left)
        self._place(chain)
        return left

    def _place(self, chain: list[Binary] | list[Expr]) -> None:
        """Give nodes the position of the last token, which is how the original counts lines."""
        for node in chain:
            node.pos = self.last

    def negation(self) -> Expr:
        """Return an operand, with `!` before it or `++` behind it."""
        if self.kind == "!":
            self.advance()
            operand = self.negation()
            return Unary(self.last, "!", operand)
        operand = self.prefix()
        chain: list[Expr] = []
        while self.kind in (".", "(", "["):
            operand = self.suffix(operand)
            chain.append(operand)
        self._place(chain)
        if self.kind in ("++", "--"):
            operand = Step(self.pos, self.kind, operand, False)
            self.advance()
        return operand

    def suffix(self, base: Expr) -> Expr:
        """Return `base` with a property, an index or a call."""
        pos = self.pos
        if self.kind == "(":
            return Call(pos, base, self.group().items)
        if self.kind == ".":
            self.advance()
            return Property(pos, base, self.take_name())
        self.advance()
        items = self.items(("]",))
        self.expect("]")
        return Index(
            pos, base, items[0] if len(items) == 1 else Group(pos, items) if items else None
        )

    def prefix(self) -> Expr:
        """Return an operand with the operators that bind tighter than `.`, `[` and `(`."""
        kind = self.kind
        if kind in ("-", "~", "&"):
            self.advance()
            operand = self.prefix()
            return Unary(self.last, kind, operand)
        if kind in ("++", "--"):
            self.advance()
            operand = self.prefix()
            return Step(self.last, kind, operand, True)
        if kind == "$":
            self.advance()
            return New(self.pos, self.take_name())
        if kind == "(":
            return self.group()
        return self.factor()

    def factor(self) -> Expr:
        """Return a name, a literal or an array."""
        kind, text, pos = self.kind, self.text, self.pos
        if kind == "name":
            self.advance()
            return Name(pos, text.decode())
        if kind == "string":
            self.advance()
            return Const(pos, text)
        if kind == "int":
            self.advance()
            return Const(pos, _int(text))
        if kind == "real":
            self.advance()
            return Const(pos, float(text))
        if kind in _CONSTANTS:
            self.advance()
            return Const(pos, _CONSTANTS[kind])
        if kind == "[":
            return self._array()
        raise SyntaxFault

    def _array(self) -> Expr:
        self.advance()
        items: list[tuple[Expr | None, Expr]] = []
        while self.kind != "]":
            key, value = None, self.assignment()
            if self.kind == ":":
                self.advance()
                key, value = value, self.assignment()
            items.append((key, value))
            if self.kind == ",":
                self.advance()
        self.advance()
        return ArrayLiteral(self.last, items)


def _int(text: bytes) -> int:
    """Return the value of an integer literal; those that are too large saturate."""
    if text[:2] == b"0x":
        return wrap(min(int(text, 16), 0xFFFFFFFFFFFFFFFF))
    if text[:1] == b"0" and len(text) > 1:
        return wrap(min(int(text, 8), 0xFFFFFFFFFFFFFFFF))
    return min(int(text), INT_MAX) if len(text) < 20 else INT_MAX

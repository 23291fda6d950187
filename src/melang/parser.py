"""Tokens to the syntax tree: statements, by recursive descent."""

from __future__ import annotations

from .errors import CompileError
from .expressions import ExpressionParser, SyntaxFault
from .nodes import (
    Block,
    Expr,
    ExprStm,
    FunctionDef,
    Goto,
    Group,
    If,
    Label,
    Leave,
    Loop,
    Name,
    Node,
    Return,
    SetDefinition,
    Stm,
    Switch,
    Unary,
)
from .scanner import Scanner
from .source import Sources

_OPERANDS = frozenset(("name", "int", "real", "string", "nil", "true", "false", "$", "!", "~"))


def parse(name: str, text: bytes) -> tuple[list[Stm], Sources]:
    """Return the statements of a program, and where its positions are.

    `name` is the file's, or a single blank for a text that is in none.  Raises
    CompileError for everything that is not a program.
    """
    sources = Sources()
    parser = Parser(sources, name, text)
    try:
        body = parser.program()
        sources.end = parser.last
    except RecursionError:
        raise nested_too_deep(sources, parser.pos) from None
    return body, sources


def nested_too_deep(sources: Sources, position: int) -> CompileError:
    """Return the error for a program that nests deeper than the compiler goes."""
    file, line = sources.where(position)
    reason = "Nested too deep."
    start = f"{file}:{line}" if file != " " else f"line {line}"
    return CompileError(file, line, reason, f"{start}: Parse Error: {reason}")


class Parser(ExpressionParser):
    """A program's parser."""

    def __init__(self, sources: Sources, name: str, text: bytes) -> None:
        super().__init__(Scanner(sources, name, text).tokens())
        self.sources = sources
        self.named = name != " "
        self.faults: list[tuple[str, int, str]] = []  # file, line, report line
        self.fi_missing = False

    def program(self) -> list[Stm]:
        """Return all statements; syntax errors are collected where it is clear how to go on."""
        try:
            self.advance()
            body = self.statements(("end",))
        except SyntaxFault:
            self._fault()
            body = []
        if self.fi_missing and len(self.faults) == 1:
            self._fault()
        if self.faults:
            file, line, _ = self.faults[0]
            reports = "\n".join(report for _, _, report in self.faults)
            reason = self.faults[0][2].partition(": Parse Error: ")[2].rstrip()
            raise CompileError(file, line, f"Parse Error: {reason}", reports)
        return body

    def _fault(self) -> None:
        """Note that the current token has no business here."""
        if self.kind == "end":
            file, line = self.sources.where(self.last)
            self.faults.append((file, line, "line 1: Parse Error: Illegal token.  "))
            return
        file, line = self.sources.where(self.pos)
        start = f"{file}:{line}" if self.named else f"line {line}"
        token = self.text.decode("latin-1")
        self.faults.append((file, line, f"{start}: Parse Error: Illegal token nearby '{token}'."))

    def statements(self, ends: tuple[str, ...]) -> list[Stm]:
        """Return the statements up to one of these tokens."""
        body = []
        while self.kind not in ends:
            body.append(self.statement())
        return body

    def statement(self) -> Stm:
        """Return any statement."""
        parse = _STATEMENTS.get(self.kind)
        if parse is not None:
            return parse(self)
        if self.kind == "name":
            following = self.peek()
            if following == "{":
                return self._set()
            if following == ":":
                label = Label(self.pos, self.take_name())
                self.advance()
                return label
        return self.block()

    def block(self) -> Stm:
        """Return what may be the body of an `if` or a loop."""
        parse = _BLOCKS.get(self.kind)
        if parse is not None:
            return parse(self)
        pos = self.pos
        if self.kind == ";":
            self.advance()
            return Block(pos, [])
        items = self.items((";",))
        if self.kind != ";" and self.kind in _OPERANDS:
            self._missing_semicolon()
        self.expect(";")
        return ExprStm(pos, items[0])

    def _missing_semicolon(self) -> None:
        """Report the token, and go on as the original does: as if `(` came before it.

        So a forgotten semicolon gives two reports, the second at the next one.
        """
        self._fault()
        self.items((")", ";"))
        if self.kind != ")":
            self._fault()
            if self.kind != ";":
                self.kind = "end"
        else:
            self.advance()

    def _braces(self) -> Stm:
        pos = self.pos
        self.advance()
        body = self.statements(("}",))
        self.advance()
        return Block(pos, body)

    def _if(self) -> Stm:
        pos = self.pos
        self.advance()
        test = self.group()
        body = self.block()
        if self.kind == "fi":
            self.advance()
            return If(pos, test, body, None)
        if self.kind != "else":
            self._fault()
            if self.kind == "end" or self.fi_missing:
                raise SyntaxFault
            self.fi_missing = True
            return If(pos, test, body, self.block())
        self.advance()
        return If(pos, test, body, self.block())

    def _while(self) -> Stm:
        pos = self.pos
        self.advance()
        test = self.group()
        return Loop(pos, Group(pos, []), test, Group(pos, []), self.block())

    def _for(self) -> Stm:
        pos = self.pos
        self.advance()
        self.expect("(")
        parts = []
        for end in (";", ";", ")"):
            start = self.pos
            parts.append(Group(start, self.items((end,))))
            self.expect(end)
        return Loop(pos, parts[0], parts[1], parts[2], self.block())

    def _switch(self) -> Stm:
        pos = self.pos
        self.advance()
        subject = self.group()
        self.expect("{")
        cases: list[tuple[Expr | None, list[Stm]]] = []
        while self.kind != "}":
            label = None
            if self.kind == "case":
                self.advance()
                label = self.factor()
            else:
                self.expect("default")
            self.expect(":")
            cases.append((label, self.statements(("case", "default", "}"))))
        self.advance()
        return Switch(pos, subject, cases)

    def _leave(self) -> Stm:
        statement = Leave(self.pos, self.kind)
        self.advance()
        self.expect(";")
        return statement

    def _return(self) -> Stm:
        pos = self.pos
        self.advance()
        value = Group(self.pos, self.items((";",)))
        self.expect(";")
        return Return(pos, value)

    def _goto(self) -> Stm:
        self.advance()
        label = self.take_name()
        self.expect(";")
        return Goto(self.last, label)

    def _function(self) -> FunctionDef:
        self.advance()
        name = self.take_name()
        params = _names(self.group().items)
        captures: list[tuple[str, bool]] | None = []
        if self.kind == "$":
            self.advance()
            captures = _names(self.group().items)
        self.expect("{")
        body = self.statements(("}",))
        end = self.last if body else 0
        self.advance()
        return FunctionDef(self.last, name, params, captures, body, end)

    def _set(self) -> Stm:
        pos = self.pos
        name = self.take_name()
        self.expect("{")
        members: list[str | FunctionDef] = []
        while self.kind != "}":
            if self.kind == "@":
                members.append(self._function())
            else:
                members.append(self.take_name())
                self.expect(";")
        self.advance()
        return SetDefinition(pos, name, members)


def _names(items: list[Expr]) -> list[tuple[str, bool]] | None:
    """Return the names in a list of parameters and whether each has its `&`."""
    names = []
    for item in items:
        shared = isinstance(item, Unary) and item.op == "&"
        inner: Node = item.operand if isinstance(item, Unary) and shared else item
        if not isinstance(inner, Name):
            return None
        names.append((inner.name, shared))
    return names


_BLOCKS = {
    "{": Parser._braces,
    "if": Parser._if,
    "break": Parser._leave,
    "continue": Parser._leave,
    "return": Parser._return,
    "goto": Parser._goto,
}
_STATEMENTS = {
    "while": Parser._while,
    "for": Parser._for,
    "switch": Parser._switch,
    "@": Parser._function,
}

"""What a function's body does with names, found before it is compiled.

Variables become Python's fast locals wherever that cannot be told apart from the
original's tables of names.  Reflection by name reads them from the frame, so it
is no obstacle; sharing is: a variable that can be passed by reference, captured
or watched may at any time turn into a `Cell`, and code that uses it must look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .nodes import (
    ArrayLiteral,
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Expr,
    ExprStm,
    FunctionDef,
    Group,
    If,
    Index,
    Label,
    Loop,
    Name,
    New,
    Property,
    Return,
    SetDefinition,
    Step,
    Stm,
    Switch,
    Unary,
    target,
)

_HOOK = r"__(?:array|bool|func|int|nil|obj|real|str)_([a-z]+)_operator__"
_INT_OPERATORS = frozenset(("+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"))
_RESERVED = frozenset(("None", "True", "False", "__debug__"))


def python_name(name: str) -> str:
    """Return the Python name of a variable: its own, but for Python's four constants."""
    return name + "'" if name in _RESERVED else name


class Scope:
    """The names of one function, or of the program itself."""

    __slots__ = (
        *(
            "assigned",
            "assigns_this",
            "bindings",
            "captures",
            "grown",
            "hooks",
            "ints",
            "is_main",
            "labels",
        ),
        *("defined", "params", "plain", "shared", "stores", "used", "uses_args"),
    )

    def __init__(self, params: Iterable[str], body: list[Stm], is_main: bool) -> None:
        self.is_main = is_main
        self.bindings: dict[str, str] = {}
        self.params = frozenset(params)
        self.used: set[str] = set(self.params)
        self.assigned: set[str] = set()  # by an assignment or a definition
        self.defined: set[str] = set()  # by a definition
        self.plain: set[str] = set()  # by an assignment, here or in inner functions
        self.grown: set[str] = set()  # by `+=`, which puts long strings into a Cell
        self.shared: set[str] = set()  # may hold a Cell
        self.labels: list[str] = []
        self.hooks: set[str] = set()  # operators that have a hook here or in inner functions
        self.assigns_this = False  # a function here or further in does
        self.captures = False  # whether a function here or further in captures by value
        for statement in body:
            if isinstance(statement, Label):
                self.labels.append(statement.name)
        self.stores: dict[str, list[Expr]] = {}  # what is assigned to a name
        visit_all(self, list(body))
        self.ints = frozenset() if self.labels else find_ints(self)
        self.shared |= self.grown - self.ints
        self.uses_args = "args" in self.used and not is_main

    def binding(self, name: str) -> str:
        """Return where a name lives: "local", "global" or, not known before it runs, "both".

        Capital names are looked for in the outermost scope too, and stored there if
        they exist there.
        """
        found = self.bindings.get(name)
        if found is None:
            if not ("A" <= name[0] <= "Z") or name in self.params:
                found = "local"
            elif self.is_main or name not in self.assigned:
                found = "global"
            else:
                found = "both"
            self.bindings[name] = found
        return found


def names_shared_in(body: list[Stm | Expr]) -> set[str]:
    """Return the names that may turn into a Cell while the statements run."""
    scope = Scope((), [], True)
    visit_all(scope, body)
    return scope.shared | scope.grown


def visit_all(scope: Scope, body: list[Stm | Expr]) -> None:
    """Note what the statements do, with an explicit stack: programs nest deeply."""
    stack = list(body)
    while stack:
        stack.extend(_visit(scope, stack.pop()))


def _visit(scope: Scope, node: Stm | Expr) -> Iterator[Stm | Expr]:
    """Note what one node does and yield the nodes in it, but not those of inner functions."""
    if isinstance(node, Name):
        scope.used.add(node.name)
        _note_hook(scope, node.name)
    elif isinstance(node, Const):
        if type(node.value) is bytes and node.value[:2] == b"__":
            _note_hook(scope, node.value.decode("latin-1"))
    elif isinstance(node, Binary):
        yield node.left
        yield node.right
    elif isinstance(node, Assign):
        _note_store(scope, node.left, node.right)
        if node.op == "+=" and isinstance(place := target(node.left), Name):
            scope.grown.add(place.name)
        yield node.left
        yield node.right
    elif isinstance(node, Step):
        _note_store(scope, node.operand)
        yield node.operand
    elif isinstance(node, Unary):
        yield node.operand
    elif isinstance(node, Index):
        yield node.base
        if node.key is not None:
            yield node.key
    elif isinstance(node, Property):
        _note_hook(scope, node.name)
        yield node.base
    elif isinstance(node, Call):
        yield node.callee
        for arg in node.args:
            place = target(arg)
            if isinstance(place, Assign):
                place = target(place.left)
            elif isinstance(place, Step):
                place = target(place.operand)
            if isinstance(place, Name):
                scope.shared.add(place.name)
            yield arg
    elif isinstance(node, New):
        scope.used.add(node.name)
    elif isinstance(node, Group):
        yield from node.items
    elif isinstance(node, ArrayLiteral):
        for key, value in node.items:
            if key is not None:
                yield key
            yield value
    elif isinstance(node, Stm):
        yield from _visit_statement(scope, node)


def _visit_statement(scope: Scope, node: Stm) -> Iterator[Stm | Expr]:
    if isinstance(node, ExprStm):
        yield node.expr
    elif isinstance(node, Block):
        yield from node.body
    elif isinstance(node, If):
        yield node.test
        yield node.body
        if node.other is not None:
            yield node.other
    elif isinstance(node, Loop):
        yield from (node.first, node.test, node.step, node.body)
    elif isinstance(node, Switch):
        yield node.subject
        for label, body in node.cases:
            if label is not None:
                yield label
            yield from body
    elif isinstance(node, Return):
        yield node.value
    elif isinstance(node, FunctionDef):
        _note_function(scope, node)
        scope.used.add(node.name)
        scope.assigned.add(node.name)
        scope.defined.add(node.name)
    elif isinstance(node, SetDefinition):
        for member in node.members:
            if isinstance(member, FunctionDef):
                _note_function(scope, member)
        scope.used.add(node.name)
        scope.assigned.add(node.name)
        scope.defined.add(node.name)
        scope.shared.add(node.name)


def _note_function(scope: Scope, node: FunctionDef) -> None:
    """Note what a definition does in the scope around it: its captures, its hooks."""
    _note_hook(scope, node.name)
    shared_from_here = False
    for name, shared in node.captures or ():
        scope.used.add(name)
        shared_from_here = shared_from_here or shared
        if shared_from_here:
            scope.assigned.add(name)
            scope.shared.add(name)
        else:
            scope.captures = True
    inner = Scope((), node.body, False)
    scope.hooks |= inner.hooks
    scope.plain |= inner.plain
    scope.captures = scope.captures or inner.captures
    if inner.assigns_this or "this" in inner.assigned:
        scope.assigns_this = True


def _note_store(scope: Scope, place: Expr, value: Expr | None = None) -> None:
    if isinstance(place := target(place), Name):
        scope.assigned.add(place.name)
        scope.plain.add(place.name)
        if value is not None:
            scope.stores.setdefault(place.name, []).append(value)


def find_ints(scope: Scope) -> frozenset[str]:
    """Return the local variables that hold nothing but ints once they exist.

    Such are loop counters, if nothing but ints and other such variables are ever
    stored into them and nobody else can.
    """
    candidates = {
        name
        for name in scope.stores
        if name not in scope.shared | scope.params | scope.defined
        and name not in ("this", "args")
        and scope.binding(name) == "local"
    }
    while True:
        wrong = {
            name
            for name in candidates
            if not all(_is_int(value, candidates) for value in scope.stores[name])
        }
        if not wrong:
            return frozenset(candidates)
        candidates -= wrong


def _is_int(expr: Expr, ints: set[str]) -> bool:
    """Return whether an expression can only be an int, or an error."""
    stack = [expr]
    while stack:
        part = target(stack.pop())
        if isinstance(part, Binary) and part.op in _INT_OPERATORS:
            stack += (part.left, part.right)
        elif isinstance(part, Unary) and part.op in ("-", "~"):
            stack.append(part.operand)
        elif not (isinstance(part, Const) and type(part.value) is int) and not (
            isinstance(part, Name) and part.name in ints
        ):
            return False
    return True


def _note_hook(scope: Scope, name: str) -> None:
    if name[:2] == "__" and (found := re.fullmatch(_HOOK, name)):
        scope.hooks.add(found.group(1))

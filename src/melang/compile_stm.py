"""Statements to Python's syntax tree, and functions around them.

A function becomes `def f(this, a=None, …, *, captured)`: straight code.  Loops
and calls count down the coroutine's time slice.  Only a function with labels
pays for `goto`: its statements stand in a loop that jumps by number.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Callable

from .compile_effect import Effects
from .compile_expr import WANTS_THIS
from .compile_func import calls_something, cost_of, function_code, shared_names
from .errors import TooDeep
from .nodes import (
    Block,
    ExprStm,
    FunctionDef,
    Goto,
    Group,
    If,
    Label,
    Leave,
    Loop,
    Return,
    SetDefinition,
    Stm,
    Switch,
)
from .scope import Scope, names_shared_in, python_name

MAX_LOOPS = 18  # nested in one function: Python has room for 20 blocks


class Statements(Effects):
    """The statements of one function."""

    def block(self, body: list[Stm]) -> list[py.stmt]:
        """Return code for statements in order."""
        code: list[py.stmt] = []
        for statement in body:
            if self.call_cost and calls_something(statement):
                code.append(self.tick(self.call_cost))
                self.call_cost = 0
            code += self.statement(statement)
        return code

    def body(self, statement: Stm) -> list[py.stmt]:
        """Return code that is not empty."""
        return self.statement(statement) or [py.Pass(lineno=self.emit.pos, col_offset=0)]

    def statement(self, statement: Stm) -> list[py.stmt]:
        """Return code for a statement."""
        self.emit.pos = statement.pos
        return _CODE[type(statement)](self, statement)

    def _expression(self, statement: ExprStm) -> list[py.stmt]:
        return self.effect(statement.expr)

    def _block(self, statement: Block) -> list[py.stmt]:
        return self.block(statement.body)

    def _if(self, statement: If) -> list[py.stmt]:
        test = self.expressions.condition(statement.test)
        variables = self.variables
        known = set(variables.known)
        body = self.body(statement.body)
        after_body = variables.known
        variables.known = set(known)
        other: list[py.stmt] = []
        if statement.other is not None:
            other = self.statement(statement.other)
        variables.known &= after_body
        self.emit.pos = statement.pos
        return [self.emit.when(test, body, other)]

    def _loop(self, statement: Loop) -> list[py.stmt]:
        if len(self.loops) >= MAX_LOOPS:
            raise TooDeep(statement.pos)
        in_loop = names_shared_in([statement.body, statement.test, statement.step])
        if statement.test.items:
            last = ""
            code = self.effect(statement.first)
            self.variables.boxed |= in_loop
            known = set(self.variables.known)
            test = self.expressions.condition(statement.test)
        else:
            last = self.variables.temporary()
            code = self._remember(last, statement.first)
            self.variables.boxed |= in_loop
            known = set(self.variables.known)
            test = self.expressions.truth(self.emit.load(last), "any")
        self.emit.pos = statement.pos
        body = [self.turn(cost_of(statement))]

        def step() -> list[py.stmt]:
            if last and statement.step.items:
                return self._remember(last, statement.step)
            return self.effect(statement.step)

        self.loops.append(step)
        body += self.statement(statement.body)
        self.loops.pop()
        body += step()
        self.variables.known = known
        self.emit.pos = statement.pos
        code.append(self.emit.loop(test, body))
        return code

    def _remember(self, last: str, group: Group) -> list[py.stmt]:
        """Return code for an expression whose value is the condition of the loop.

        That is the original's habit if a loop has no condition: the value of the
        first expression, then that of the step, decides.  With neither it is true.
        """
        node = self.expressions.node(group) if group.items else self.emit.const(True)
        return [self.emit.assign(last, node)]

    def _switch(self, statement: Switch) -> list[py.stmt]:
        """A loop that runs once, for `break` to leave.

        After a `default` that falls through, labels are compared again: so does the
        original.
        """
        if len(self.loops) >= MAX_LOOPS:
            raise TooDeep(statement.pos)
        emit, expressions = self.emit, self.expressions
        if not statement.subject.items:
            # Nothing matches every label, as in the original.
            return self._switch_on_nothing(statement)
        subject = expressions.node(statement.subject)
        first, again = expressions.arithmetic.saved(subject)
        code: list[py.stmt] = [] if first is again else [emit.run(first)]
        matched = self.variables.temporary()
        body: list[py.stmt] = [emit.assign(matched, emit.const(False))]
        known = set(self.variables.known)
        self.loops.append(None)
        for label, statements in statement.cases:
            self.variables.known = set(known)
            if label is None:
                body += self.block(statements)
                body.append(emit.assign(matched, emit.const(False)))
                continue
            node = expressions.node(label)
            equal = emit.call(".==", again, node)
            if "equal" in self.unit.hooks:
                equal = emit.call(".hooked_binary", emit.const("=="), again, node)
            test = emit.either(emit.load(matched), equal)
            inner: list[py.stmt] = [emit.assign(matched, emit.const(True))]
            inner += self.block(statements)
            body.append(emit.when(test, inner, []))
        self.loops.pop()
        self.variables.known = known
        self.emit.pos = statement.pos
        code.append(emit.forever([*body, emit.leave()]))
        return code

    def _switch_on_nothing(self, statement: Switch) -> list[py.stmt]:
        """Return code for all cases, up to a `break`."""
        self.loops.append(None)
        known = set(self.variables.known)
        body = [code for _, part in statement.cases for code in self.block(part)]
        self.loops.pop()
        self.variables.known = known
        self.emit.pos = statement.pos
        return [self.emit.forever([*body, self.emit.leave()])]

    def _leave(self, statement: Leave) -> list[py.stmt]:
        emit = self.emit
        if not self.loops:
            return [emit.run(emit.call(".leave_nothing", emit.const(statement.word)))]
        step = self.loops[-1]
        if statement.word == "break" or step is None:
            return [emit.leave()]
        known = set(self.variables.known)
        code = step()
        self.variables.known = known
        return [*code, emit.again()]

    def _return(self, statement: Return) -> list[py.stmt]:
        return [self.emit.give(self.expressions.node(statement.value))]

    def _goto(self, statement: Goto) -> list[py.stmt]:
        emit = self.emit
        labels = self.scope.labels
        if statement.label not in labels:
            return [emit.run(emit.call(".no_label"))]
        index = labels.index(statement.label) + 1
        if self.loops:
            exception = emit.call(".Goto", emit.const(index))
            return [py.Raise(exc=exception, cause=None, lineno=emit.pos, col_offset=0)]
        return [emit.assign(".place", emit.const(index)), self.tick(1), emit.again()]

    def _label(self, statement: Label) -> list[py.stmt]:
        return []

    def _function(self, statement: FunctionDef) -> list[py.stmt]:
        emit = self.emit
        node, code = self.function(statement)
        emit.pos = statement.pos
        return [*code, self.variables.define(statement.name, node, False)]

    def function(self, statement: FunctionDef) -> tuple[py.expr, list[py.stmt]]:
        """Return code for a function value, and what must run before it."""
        emit = self.emit
        if statement.params is None or statement.captures is None:
            return emit.call(".bad_definition"), []
        where = statement.end
        slot = f".f{len(self.unit.functions)}"
        self.unit.functions[slot] = (statement.name, where)
        names = [name for name, _ in statement.params]
        captures = {name: False for name, _ in statement.captures}
        captures.update((name, True) for name in shared_names(statement.captures))
        scope = Scope([*names, *captures], statement.body, False)
        inner = Statements(self.unit, scope)
        definition = function_code(inner, slot, names, list(captures), statement)
        first = next((i for i, (_, shared) in enumerate(statement.params) if shared), len(names))
        mask = sum(1 << index for index in range(first, len(names)))
        if "this" in scope.assigned:
            mask |= WANTS_THIS
        meta = (statement.name.encode(), tuple(name.encode() for name in names), mask, where)
        rest = scope.uses_args and "args" not in scope.params
        node = emit.call(".function", emit.load(slot), emit.const(meta), emit.const(rest))
        if captures:
            cells = []
            for name, shared in captures.items():
                cells.append(emit.const(python_name(name)))
                cells.append(emit.const(shared))
                cells.append(self.variables.captured(name, shared))
            node = emit.call(".bind", node, emit.array(cells))
        return node, [definition]

    def _set(self, statement: SetDefinition) -> list[py.stmt]:
        emit = self.emit
        code: list[py.stmt] = []
        members = []
        for member in statement.members:
            if isinstance(member, FunctionDef):
                node, before = self.function(member)
                code += before
                members += [emit.const(member.name.encode()), node]
            else:
                members += [emit.const(member.encode()), emit.const(None)]
        emit.pos = statement.pos
        name = emit.const(statement.name.encode())
        node = emit.call(".set", name, emit.array(members))
        return [*code, self.variables.define(statement.name, node, True)]

    def whole(self, body: list[Stm]) -> list[py.stmt]:
        """Return code for all of a function."""
        return self._with_labels(body) if self.scope.labels else self.block(body)

    def _with_labels(self, body: list[Stm]) -> list[py.stmt]:
        """Return the pieces between labels, each run if the jump is not to a later one."""
        emit = self.emit
        pieces: list[list[Stm]] = [[]]
        for statement in body:
            if isinstance(statement, Label):
                pieces.append([])
            else:
                pieces[-1].append(statement)
        code: list[py.stmt] = []
        self.loops = []
        for index, piece in enumerate(pieces):
            inner = self.block(piece)
            if inner:
                place = emit.load(".place")
                test = emit.compare(place, py.LtE(), emit.const(index))
                code.append(emit.when(test, inner, []))
        code.append(emit.give(emit.const(None)))
        jump = emit.assign(".place", emit.attribute(emit.load(".jump"), "place"))
        handler = py.ExceptHandler(
            type=emit.load(".Goto"), name=".jump", body=[jump, self.tick(1)], lineno=emit.pos,
            col_offset=0,
        )  # fmt: skip
        guarded = py.Try(
            body=code, handlers=[handler], orelse=[], finalbody=[], lineno=emit.pos, col_offset=0
        )
        return [emit.assign(".place", emit.const(0)), emit.forever([guarded])]


_CODE: dict[type[Stm], Callable[[Statements, Stm], list[py.stmt]]] = {
    ExprStm: Statements._expression,  # type: ignore[dict-item]
    Block: Statements._block,  # type: ignore[dict-item]
    If: Statements._if,  # type: ignore[dict-item]
    Loop: Statements._loop,  # type: ignore[dict-item]
    Switch: Statements._switch,  # type: ignore[dict-item]
    Leave: Statements._leave,  # type: ignore[dict-item]
    Return: Statements._return,  # type: ignore[dict-item]
    Goto: Statements._goto,  # type: ignore[dict-item]
    Label: Statements._label,  # type: ignore[dict-item]
    FunctionDef: Statements._function,  # type: ignore[dict-item]
    SetDefinition: Statements._set,  # type: ignore[dict-item]
}

"""Statements to Python's syntax tree, and functions around them.

A function becomes `def f(this, a=None, …, *, captured)`: straight code.  Loops
and calls count down the coroutine's time slice.  Only a function with labels
pays for `goto`: its statements stand in a loop that jumps by number.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Callable, Sequence

from .arithmetic import is_cheap
from .compile_expr import WANTS_THIS, Expressions
from .emit import Emitter
from .errors import TooDeep
from .nodes import (
    Assign,
    Block,
    Call,
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
    Step,
    Stm,
    Switch,
    target,
)
from .overload import OPERATORS, STORING
from .scope import Scope, names_shared_in, python_name
from .variables import Variables

MAX_LOOPS = 18  # nested in one function: Python has room for 20 blocks
TURNS = 200  # of loops, until a slice may end
LEAF = 100  # nodes; a function smaller than that is counted only when it calls others
STEPS_PER_TICK = 7  # the original counts steps of its tree walker, 1700 to a slice


class Unit:
    """What the functions of one program have in common while it is compiled."""

    __slots__ = ("assigned", "closures", "functions", "globals", "hooks", "share_all")

    def __init__(self, program: Scope) -> None:
        self.hooks = program.hooks
        self.closures = program.captures
        self.assigned = program.plain | {"EVAL_DATA"}
        self.share_all = bool(program.hooks & STORING) or program.assigns_this
        self.globals: set[str] = set()
        self.functions: dict[str, tuple[str, int]] = {}  # name and first position, by slot


class Statements:
    """The statements of one function."""

    def __init__(self, unit: Unit, scope: Scope) -> None:
        self.unit = unit
        self.scope = scope
        self.emit = Emitter()
        self.variables = Variables(self.emit, scope, unit.share_all)
        self.expressions = Expressions(
            self.emit, self.variables, unit.hooks, unit.closures, unit.assigned
        )
        # For each enclosing loop or switch: what `continue` runs first, None for a switch.
        self.loops: list[Callable[[], list[py.stmt]] | None] = []
        self.has_loops = False
        self.call_cost = 0  # steps that are to be counted before something is called

    def block(self, body: list[Stm]) -> list[py.stmt]:
        """Return code for statements in order."""
        code: list[py.stmt] = []
        for statement in body:
            if self.call_cost and _calls_something(statement):
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

    def effect(self, expr: Expr) -> list[py.stmt]:
        """Return code for an expression whose value nobody wants."""
        expressions, emit = self.expressions, self.emit
        expr = target(expr)
        if isinstance(expr, Group) and not expr.items:
            return []
        if isinstance(expr, Assign) and isinstance(place := target(expr.left), Name):
            return self._assignment(expr, place.name)
        if isinstance(expr, Step) and isinstance(place := target(expr.operand), Name):
            name = ("p" if expr.prefix else "s") + ("inc" if expr.op == "++" else "dec")
            if name not in self.unit.hooks:
                emit.pos = expr.pos
                stepped = expressions.stepped(place.name, expr.op)
                if stepped is not None:
                    return [emit.assign(*stepped)]
        if isinstance(expr, Group):
            return [code for item in expr.items for code in self.effect(item)]
        return [emit.run(expressions.node(expr))]

    def _assignment(self, expr: Assign, name: str) -> list[py.stmt]:
        emit, expressions, variables = self.emit, self.expressions, self.variables
        if OPERATORS[expr.op] in self.unit.hooks:
            return [emit.run(expressions.node(expr))]
        if expr.op != "=":
            changed = expressions.changed(name, expr.op, expr.right)
            if changed is not None:
                return [emit.assign(*changed)]
            return [emit.run(expressions.node(expr))]
        node = expressions.copied(expr.right)
        emit.pos = expr.pos
        code: list[py.stmt] = []
        if variables.is_shared(name) and not is_cheap(node):
            kept = variables.temporary()
            code.append(emit.assign(kept, node))
            node = emit.load(kept)
        stored = variables.stored(name, node)
        if stored is None:
            code.append(emit.run(variables.put(name, node)))
        else:
            code.append(emit.assign(*stored))
            variables.now_known(name)
        return code

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

    def tick(self, cost: int) -> py.stmt:
        """Return code that counts down the time slice."""
        emit = self.emit
        ticks = max(1, min(cost // STEPS_PER_TICK, 100))
        left = emit.binary(emit.load(".ticks"), py.Sub(), emit.const(ticks))
        over = emit.compare(emit.walrus(".ticks", left), py.Lt(), emit.const(0))
        return emit.when(over, [emit.run(emit.call(".tick"))], [])

    def turn(self, cost: int) -> py.stmt:
        """Return code that counts the turns of loops, for each call of a function anew.

        A local variable is faster than `.ticks`; calls count for the coroutine.
        """
        self.has_loops = True
        emit = self.emit
        ticks = max(1, min(cost // STEPS_PER_TICK, 100))
        left = emit.binary(emit.load(".turns"), py.Sub(), emit.const(ticks))
        over = emit.compare(emit.walrus(".turns", left), py.Lt(), emit.const(0))
        return emit.when(over, [emit.assign(".turns", emit.call(".tick"))], [])

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
        body = [self.turn(_cost(statement))]

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
        where = statement.body[0].pos if statement.body else 0
        slot = f".f{len(self.unit.functions)}"
        self.unit.functions[slot] = (statement.name, where)
        names = [name for name, _ in statement.params]
        captures = {name: False for name, _ in statement.captures}
        captures.update((name, True) for name in shared_names(statement.captures))
        scope = Scope([*names, *captures], statement.body, False)
        definition = function_code(self.unit, slot, names, list(captures), statement, scope)
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


def function_code(
    unit: Unit,
    slot: str,
    params: list[str],
    captures: list[str],
    statement: FunctionDef,
    scope: Scope,
) -> py.stmt:
    """Return the `def` of a function; the program itself is one too."""
    reachable = _drop_last_labels(scope, statement.body)
    compiler = Statements(unit, scope)
    firsts = shared_names(statement.params or [])
    variables = compiler.variables
    if not scope.labels:
        variables.known.update(params, captures)
    variables.boxed.update(captures, firsts)
    if scope.uses_args and "args" not in scope.params:
        variables.now_known("args")
    variables.now_known("this")
    emit = compiler.emit
    emit.pos = statement.pos
    cost = _size(statement.body)
    counts_late = not (scope.is_main or scope.labels or unit.hooks) and cost < LEAF
    if counts_late:
        compiler.call_cost = cost
    code = compiler.whole(reachable)
    emit.pos = statement.pos
    names = _distinct(params, captures)
    this = "this" if "this" not in scope.params else ".this"
    if scope.uses_args and "args" not in scope.params:
        names.append("args")
    start: list[py.stmt] = [
        py.Global(names=sorted(variables.globals), lineno=emit.pos, col_offset=0)
    ]
    initial = variables.initial - {"this", *names, *map(python_name, captures)}
    if initial:
        targets: list[py.expr] = [emit.store(name) for name in sorted(initial)]
        undefined = emit.load(".UNDEF")
        start.append(py.Assign(targets=targets, value=undefined, lineno=emit.pos, col_offset=0))
    if compiler.has_loops:
        start.append(emit.assign(".turns", emit.const(TURNS)))
    if not scope.is_main and not counts_late:
        start.append(compiler.tick(cost))
    unit.globals |= variables.globals
    arguments = py.arguments(
        posonlyargs=[],
        args=[py.arg(arg=name, lineno=emit.pos, col_offset=0) for name in [this, *names]],
        kwonlyargs=[
            py.arg(arg=python_name(name), lineno=emit.pos, col_offset=0) for name in captures
        ],
        kw_defaults=[None] * len(captures),
        defaults=[emit.const(None)] * len(names),
    )
    return py.FunctionDef(
        name=slot, args=arguments, body=[*start, *code], decorator_list=[], lineno=emit.pos,
        col_offset=0,
    )  # fmt: skip


def _drop_last_labels(scope: Scope, body: list[Stm]) -> list[Stm]:
    """Return the statements without labels at the very end, which cannot be reached."""
    end = len(body)
    while end and isinstance(last := body[end - 1], Label):
        scope.labels.remove(last.name)
        end -= 1
    return body[:end]


def shared_names(names: list[tuple[str, bool]]) -> list[str]:
    """Return the names from the first `&` on: all of them are by reference."""
    first = next((i for i, (_, shared) in enumerate(names) if shared), len(names))
    return [name for name, _ in names[first:]]


def _distinct(params: list[str], captures: list[str]) -> list[str]:
    """Return Python names for parameters; a later one, or a capture, hides its namesake."""
    names: list[str] = []
    for index, name in enumerate(params):
        hidden = name in params[index + 1 :] or name in captures
        names.append(f".p{index}" if hidden else python_name(name))
    return names


def _cost(loop: Loop) -> int:
    """Return about how many steps the original takes for one turn of the loop."""
    return _size([loop.body, loop.test, loop.step])


def _size(nodes: Sequence[Node]) -> int:
    """Return the number of nodes, those of inner loops and functions not counted."""
    count = 0
    stack: list[object] = list(nodes)
    while stack and count < 1000:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(node)
        elif isinstance(node, Node):
            count += 1
            if not isinstance(node, (Loop, FunctionDef, SetDefinition)):
                stack.extend(getattr(node, slot) for slot in type(node).__slots__)
    return count


def _calls_something(statement: Stm) -> bool:
    """Return whether there is a call or a loop in a statement."""
    stack: list[object] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(node)
        elif isinstance(node, (Call, Loop)):
            return True
        elif isinstance(node, Node) and not isinstance(node, (FunctionDef, SetDefinition)):
            stack.extend(getattr(node, slot) for slot in type(node).__slots__)
    return False


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

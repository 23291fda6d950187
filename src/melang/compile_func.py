"""Functions to Python's syntax tree: what stands around their statements.

A function becomes `def f(this, a=None, …, *, captured)`.  Here is also what is
counted: how long a piece of code keeps its neighbours waiting.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Sequence

from .nodes import Call, FunctionDef, Label, Loop, Node, SetDefinition, Stm
from .overload import STORING
from .scope import Scope, python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .compile_stm import Statements

TURNS = 200  # of loops, until a slice may end
LEAF = 100  # nodes; a function smaller than that is counted only when it calls others


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


def function_code(
    compiler: Statements,
    slot: str,
    params: list[str],
    captures: list[str],
    statement: FunctionDef,
) -> py.stmt:
    """Return the `def` of a function; the program itself is one too."""
    unit, scope = compiler.unit, compiler.scope
    reachable = _drop_last_labels(scope, statement.body)
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
    cost = size(statement.body)
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


def cost_of(loop: Loop) -> int:
    """Return about how many steps the original takes for one turn of the loop."""
    return size([loop.body, loop.test, loop.step])


def size(nodes: Sequence[Node]) -> int:
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


def calls_something(statement: Stm) -> bool:
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

"""Expressions whose value nobody wants, and time slices, to Python's syntax tree."""

from __future__ import annotations

import _ast as py
from collections.abc import Callable

from .arithmetic import is_cheap
from .compile_expr import Expressions
from .compile_func import Unit
from .emit import Emitter
from .nodes import Assign, Expr, Group, Name, Step, target
from .overload import OPERATORS
from .scope import Scope
from .variables import Variables

STEPS_PER_TICK = 7  # the original counts steps of its tree walker, 1700 to a slice


class Effects:
    """What the statements of one function are made of."""

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

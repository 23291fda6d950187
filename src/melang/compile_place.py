"""Variables, elements and properties that are stored into, to Python's syntax tree.

Also what every part of an expression is made of: values and operands.
"""

from __future__ import annotations

import _ast as py

from .arithmetic import RING, Arithmetic, Operand, Typed, may_be_ints
from .emit import Emitter
from .nodes import Assign, Binary, Const, Expr, Index, Name, Property, Step, target
from .overload import OPERATORS
from .variables import Variables

KINDS = {type(None): "nil", bool: "bool", int: "int", float: "real", bytes: "string"}


class Places:
    """The lower half of the expressions of one function."""

    def __init__(
        self,
        emit: Emitter,
        variables: Variables,
        hooks: set[str],
        closures: bool,
        assigned: set[str],
    ) -> None:
        self.emit = emit
        self.variables = variables
        self.hooks = hooks
        self.assigned = assigned  # names that something is stored into, anywhere in the unit
        self.arithmetic = Arithmetic(emit, variables, hooks)
        self.closures = closures  # whether the unit has functions with captured variables

    def value(self, expr: Expr) -> Typed:
        """Return code for an expression, and the type if it is known."""
        raise NotImplementedError  # by Expressions, which knows them all

    def node(self, expr: Expr) -> py.expr:
        """Return code for an expression."""
        return self.value(expr)[0]

    def copied(self, expr: Expr) -> py.expr:
        """Return code for a value that is stored: a closure is copied then."""
        node, kind = self.value(expr)
        if not self.closures or kind != "any":
            return node
        first, again = self.arithmetic.saved(node)
        emit = self.emit
        plain = emit.type_is_not(first, ".Closure")
        return emit.choose(plain, again, emit.invoke(emit.attribute(again, "copied"), []))

    def operand(self, expr: Expr) -> Operand:
        """Return an operand; that of a variable is what its slot holds, Cells included."""
        expr = target(expr)
        self.emit.pos = expr.pos
        if isinstance(expr, Const):
            number = expr.value if type(expr.value) is int else None
            return Operand(self.emit.const(expr.value), KINDS[type(expr.value)], number)
        if isinstance(expr, Name):
            slot = self.variables.slot(expr.name)
            if slot is not None:
                return Operand(self.variables.raw(expr.name), tested=(slot,))
        if isinstance(expr, Binary) and expr.op not in ("&&", "||"):
            return self._chain(expr)
        return self.arithmetic.kept(*self.value(expr))

    def _chain(self, expr: Binary) -> Operand:
        """Walk down the left operands in a loop: long sums must not exhaust the stack."""
        spine = [expr]
        while isinstance(left := target(spine[-1].left), Binary) and left.op not in ("&&", "||"):
            spine.append(left)
        operand = self.operand(spine[-1].left)
        for link in reversed(spine):
            right = self.operand(link.right)
            self.emit.pos = link.pos
            operand = self.arithmetic.combined(link.op, operand, right)
        return operand

    def step(self, expr: Step) -> Typed:
        emit, place = self.emit, target(expr.operand)
        name = ("p" if expr.prefix else "s") + ("inc" if expr.op == "++" else "dec")
        by = emit.const(1 if expr.op == "++" else -1)
        if name in self.hooks:
            reference = self.reference(place)
            flag = emit.const(expr.prefix)
            return emit.call(".hooked_step", emit.const(expr.op), reference, flag), "any"
        if isinstance(place, Name):
            stepped = self.stepped(place.name, expr.op)
            if stepped is not None:
                if expr.prefix:
                    return self._unboxed(emit.walrus(*stepped), place.name), "any"
                old = self.variables.read(place.name)
                return emit.first_of(old, emit.walrus(*stepped)), "any"
        reference = self.reference(place)
        emit.pos = expr.pos
        return emit.call(".step_cell", reference, by, emit.const(expr.prefix)), "any"

    def stepped(self, name: str, op: str) -> tuple[str, py.expr] | None:
        """Return the slot and its new content after `++` or `--`; None if it has two slots."""
        slot = self.variables.slot(name)
        if slot is None:
            return None
        emit = self.emit
        if OPERATORS[op[0]] in self.hooks:
            by = emit.const(1 if op == "++" else -1)
            return slot, emit.call(".step", emit.load(slot), by)
        held = Operand(emit.load(slot), tested=(slot,))
        result = self.arithmetic.combined(op[0], held, Operand(emit.const(1), "int", 1))
        before = result.slow
        result.slow = emit.call(".step", emit.load(slot), emit.const(1 if op == "++" else -1))
        return slot, self.arithmetic.with_slow(result, before)

    def _unboxed(self, node: py.expr, name: str) -> py.expr:
        """Return the value of what a slot holds."""
        if not self.variables.is_shared(name):
            return node
        emit = self.emit
        first, again = self.arithmetic.saved(node)
        return emit.choose(emit.type_is_not(first, ".Cell"), again, emit.call(".value", again))

    def assign(self, expr: Assign) -> Typed:
        emit, place = self.emit, target(expr.left)
        if OPERATORS[expr.op] in self.hooks:
            reference, node = self.reference(place), self.node(expr.right)
            emit.pos = expr.pos
            return emit.call(".hooked_assign", emit.const(expr.op), reference, node), "any"
        if isinstance(place, Name):
            return self._assign_name(expr, place.name)
        if isinstance(place, Property) and expr.op == "=":
            base, node = self.node(place.base), self.copied(expr.right)
            emit.pos = place.pos
            return emit.call(".set_property", base, emit.const(place.name.encode()), node), "any"
        if isinstance(place, Index) and expr.op == "=":
            return self._assign_element(place, expr.right), "any"
        if isinstance(place, (Index, Property)):
            reference, node = self.reference(place), self.copied(expr.right)
            emit.pos = expr.pos
            return emit.call(".assign_cell", emit.const(expr.op), reference, node), "any"
        left, node = self.node(place), self.copied(expr.right)
        if expr.op == "=":
            return emit.sequence(left, node), "any"
        return emit.call("." + expr.op, left, node), "any"

    def _assign_element(self, place: Index, right: Expr) -> py.expr:
        """The element is created before the right side is evaluated, which may see that."""
        emit = self.emit
        if isinstance(target(right), (Const, Name)) or _sees_nothing(right):
            base, key = self.node(place.base), self.key(place)
            node = self.copied(right)
            emit.pos = place.pos
            return emit.call(".set_element", base, key, node)
        reference, node = self.reference(place), self.copied(right)
        emit.pos = place.pos
        return emit.call(".assign_cell", emit.const("="), reference, node)

    def _assign_name(self, expr: Assign, name: str) -> Typed:
        emit, variables = self.emit, self.variables
        if expr.op != "=":
            changed = self.changed(name, expr.op, expr.right)
            if changed is not None:
                return self._unboxed(emit.walrus(*changed), name), "any"
            node = emit.call("." + expr.op, variables.read(name), self.node(expr.right))
        else:
            node = self.copied(expr.right)
        emit.pos = expr.pos
        if not variables.is_shared(name):
            return variables.put(name, node), "any"
        first, again = self.arithmetic.saved(node)
        store = variables.put(name, again)
        return emit.sequence(first, self._unboxed(store, name)), "any"

    def changed(self, name: str, op: str, right: Expr) -> tuple[str, py.expr] | None:
        """Return the slot and its new content after `name op= right`; None if it has two."""
        slot = self.variables.slot(name)
        if slot is None:
            return None
        emit = self.emit
        operand = self.operand(right)
        emit.pos = right.pos
        held = Operand(emit.load(slot), tested=(slot,))
        sign = op[:-1]
        if sign in RING and may_be_ints(held, operand) and OPERATORS[sign] not in self.hooks:
            if len(operand.first) > 1:
                operand = self.arithmetic.kept(operand.whole, "any")
            result = self.arithmetic.combined(sign, held, operand)
            before = result.slow
            result.slow = emit.call(".change" + op, emit.load(slot), operand.slow)
            if op == "+=":
                self.variables.boxed.add(name)
            return slot, self.arithmetic.with_slow(result, before)
        if op == "+=":
            self.variables.boxed.add(name)
        return slot, emit.call(".change" + op, emit.load(slot), operand.whole)

    def reference(self, place: Expr) -> py.expr:
        """Return code for the Cell of an lvalue; that of anything else leads nowhere."""
        emit = self.emit
        if isinstance(place, Name):
            return self.variables.reference(place.name)
        if isinstance(place, Index):
            base, key = self.node(place.base), self.key(place)
            emit.pos = place.pos
            return emit.call(".element_cell", base, key)
        if isinstance(place, Property):
            base = self.node(place.base)
            emit.pos = place.pos
            return emit.call(".property_cell", base, emit.const(place.name.encode()))
        return emit.call(".Cell", self.node(place))

    def key(self, place: Index) -> py.expr:
        """Return code for the key of an index expression; none is nil, which appends."""
        return self.emit.const(None) if place.key is None else self.node(place.key)


def _sees_nothing(expr: Expr) -> bool:
    """Return whether an expression can neither look into an array nor call anything."""
    while isinstance(expr, Binary):
        if not isinstance(target(expr.right), (Const, Name)):
            return False
        expr = target(expr.left)
    return isinstance(expr, (Const, Name))

"""Expressions to Python's syntax tree.

`value` gives a node and what is known of its type ("any" if nothing); a node is
never a Cell.  The fast path for int with int is inline, as a conditional
expression; everything else calls the runtime.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Callable

from .emit import LE, Emitter
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
    target,
)
from .overload import OPERATORS
from .values import INT_MAX, INT_MIN, truth, wrap
from .variables import Variables

Typed = tuple[py.expr, str]
WANTS_THIS = 1 << 40  # in a function's mask: it assigns to `this`, which is by reference
_KINDS = {type(None): "nil", bool: "bool", int: "int", float: "real", bytes: "string"}
_ARITHMETIC: dict[str, py.operator] = {
    "+": py.Add(), "-": py.Sub(), "*": py.Mult(), "/": py.FloorDiv(), "%": py.Mod(),
    "&": py.BitAnd(), "|": py.BitOr(), "^": py.BitXor(),
}  # fmt: skip
_COMPARISONS: dict[str, py.cmpop] = {
    "<": py.Lt(), "<=": py.LtE(), ">": py.Gt(), ">=": py.GtE(), "==": py.Eq(), "!=": py.NotEq(),
}  # fmt: skip


class Operand:
    """An operand of a guarded operator: evaluated by `first`, repeated by `again`."""

    __slots__ = ("again", "first", "kind", "number")

    def __init__(
        self, first: py.expr, again: py.expr, kind: str, number: int | None = None
    ) -> None:
        self.first = first
        self.again = again
        self.kind = kind
        self.number = number  # the value of an int literal


def is_cheap(node: py.expr) -> bool:
    """Return whether evaluating the node twice is free and without effect."""
    return isinstance(node, (py.Name, py.Constant))


class Expressions:
    """The expressions of one function."""

    def __init__(self, emit: Emitter, variables: Variables, hooks: set[str], closures: bool):
        self.emit = emit
        self.variables = variables
        self.hooks = hooks
        self.closures = closures  # whether the unit has functions with captured variables

    def value(self, expr: Expr) -> Typed:
        """Return code for an expression, and the type if it is known."""
        self.emit.pos = expr.pos
        return _VALUE[type(expr)](self, expr)

    def node(self, expr: Expr) -> py.expr:
        """Return code for an expression."""
        return self.value(expr)[0]

    def copied(self, expr: Expr) -> py.expr:
        """Return code for a value that is stored: a closure is copied then."""
        node, kind = self.value(expr)
        if not self.closures or kind != "any":
            return node
        first, again = self.saved(node)
        emit = self.emit
        plain = emit.type_is_not(first, ".Closure")
        return emit.choose(plain, again, emit.invoke(emit.attribute(again, "copied"), []))

    def saved(self, node: py.expr) -> tuple[py.expr, py.expr]:
        """Return code that evaluates a node and keeps it, and code that repeats it."""
        if is_cheap(node):
            return node, node
        name = self.variables.temporary()
        return self.emit.walrus(name, node), self.emit.load(name)

    def operand(self, expr: Expr) -> Operand:
        """Return an operand; that of a variable is what its slot holds, Cells included."""
        expr = target(expr)
        self.emit.pos = expr.pos
        if isinstance(expr, Const):
            node = self.emit.const(expr.value)
            number = expr.value if type(expr.value) is int else None
            return Operand(node, node, _KINDS[type(expr.value)], number)
        if isinstance(expr, Name) and self.variables.slot(expr.name) is not None:
            node = self.variables.raw(expr.name)
            return Operand(node, node, "any")
        node, kind = self.value(expr)
        return Operand(*self.saved(node), kind)

    def condition(self, expr: Expr) -> py.expr:
        """Return code whose Python truth is the expression's truth."""
        emit = self.emit
        if isinstance(expr, Group) and expr.items:
            nodes = [self.node(item) for item in expr.items[:-1]]
            return emit.sequence(*nodes, self.condition(expr.items[-1]))
        if isinstance(expr, Const):
            return emit.const(truth(expr.value))
        if isinstance(expr, Binary) and expr.op in ("&&", "||"):
            left = self.condition(expr.left)
            known = set(self.variables.known)
            right = self.condition(expr.right)
            self.variables.known = known
            return emit.both(left, right) if expr.op == "&&" else emit.either(left, right)
        if isinstance(expr, Unary) and expr.op == "!" and "not" not in self.hooks:
            return self._unary(expr)[0]
        return self.truth(*self.value(expr))

    def truth(self, node: py.expr, kind: str) -> py.expr:
        """Return code whose Python truth is the value's truth: only reals differ."""
        if kind not in ("any", "real"):
            return node
        emit = self.emit
        first, again = self.saved(node)
        plain = emit.type_is_not(first, ".float")
        return emit.choose(plain, again, emit.call(".truth", again))

    def _const(self, expr: Const) -> Typed:
        return self.emit.const(expr.value), _KINDS[type(expr.value)]

    def _name(self, expr: Name) -> Typed:
        return self.variables.read(expr.name), "any"

    def _group(self, expr: Group) -> Typed:
        if not expr.items:
            return self.emit.const(None), "nil"
        if len(expr.items) == 1:
            return self.value(expr.items[0])
        nodes = [self.node(item) for item in expr.items[:-1]]
        last, kind = self.value(expr.items[-1])
        return self.emit.sequence(*nodes, last), kind

    def _binary(self, expr: Binary) -> Typed:
        """Walk down the left operands in a loop: long sums must not exhaust the stack."""
        spine = [expr]
        while isinstance(spine[-1].left, Binary):
            spine.append(spine[-1].left)
        left = spine[-1].left
        typed: Typed | None = None
        for link in reversed(spine):
            if link.op in ("&&", "||"):
                typed = self._logic(link, typed or self.value(left))
                continue
            if typed is None:
                operand = self.operand(left)
            else:
                operand = Operand(*self.saved(typed[0]), typed[1])
            right = self.operand(link.right)
            self.emit.pos = link.pos
            typed = self.apply(link.op, operand, right)
        assert typed is not None
        return typed

    def _logic(self, expr: Binary, left: Typed) -> Typed:
        emit = self.emit
        first, again = self.saved(left[0])
        if left[1] in ("any", "real"):
            plain = emit.type_is_not(first, ".float")
            test = emit.choose(plain, again, emit.call(".truth", again))
        else:
            test = first
        known = set(self.variables.known)
        right, kind = self.value(expr.right)
        self.variables.known = known
        if expr.op == "&&":
            node = emit.choose(test, right, again)
        else:
            node = emit.choose(test, again, right)
        return node, kind if kind == left[1] else "any"

    def apply(self, op: str, left: Operand, right: Operand) -> Typed:
        """Return code for a binary operator on two operands."""
        emit = self.emit
        if OPERATORS[op] in self.hooks:
            return emit.call(".hooked_binary", emit.const(op), left.first, right.first), "any"
        guards = self.int_guards(left, right)
        slow = emit.call("." + op, left.again, right.again)
        comparison = _COMPARISONS.get(op)
        if guards is None or (comparison is None and op not in _ARITHMETIC):
            slow = emit.call("." + op, left.first, right.first)
            return slow, "any" if comparison is None else "bool"
        if comparison is not None:
            fast = emit.compare(left.again, comparison, right.again)
            return emit.choose(emit.both(*guards), fast, slow), "bool"
        fast = emit.binary(left.again, _ARITHMETIC[op], right.again)
        return self.guarded(op, guards, fast, left, right, slow), "any"

    def int_guards(self, left: Operand, right: Operand) -> list[py.expr] | None:
        """Return tests that both operands are ints, None if they cannot be.

        The first test evaluates both operands, whatever its outcome: the slow path
        uses them too.  A complex operand goes before a simple one, which is a
        variable and read late: in `i + i++` both sides see the new value.
        """
        if any(operand.kind not in ("any", "int") for operand in (left, right)):
            return None
        emit = self.emit
        if left.number is not None and right.number is not None:
            return None
        if left.number is not None:
            return [emit.type_is(right.first, ".int")]
        if right.number is not None:
            return [emit.type_is(left.first, ".int")]
        one, two = left.first, right.first
        if left.first is left.again and right.first is not right.again:
            one, two = two, one
        types = (emit.call(".type", one), emit.call(".type", two))
        return [emit.compare(types[0], py.Is(), types[1], py.Is(), emit.load(".int"))]

    def guarded(
        self,
        op: str,
        guards: list[py.expr],
        fast: py.expr,
        left: Operand,
        right: Operand,
        slow: py.expr,
    ) -> py.expr:
        """Return `fast` if it stays within 64 bits, else `slow`."""
        emit = self.emit
        if op in ("/", "%"):
            # Python rounds down, C towards zero: only positive operands are the same.
            zero = emit.const(0)
            if left.number is None:
                guards.append(emit.compare(left.again, py.GtE(), zero))
            if right.number is None:
                guards.append(emit.compare(right.again, py.Gt(), zero))
            if (left.number or 0) < 0 or (right.number is not None and right.number <= 0):
                return (
                    slow
                    if is_cheap(left.first) and is_cheap(right.first)
                    else emit.choose(emit.both(*guards, emit.const(False)), fast, slow)
                )
        if op not in ("+", "-", "*"):
            return emit.choose(emit.both(*guards), fast, slow)
        result = self.variables.temporary()
        number = right.number if right.number is not None else left.number
        low = high = True
        if op != "*" and number is not None and (op == "+" or right.number is not None):
            grows = (number >= 0) == (op == "+")
            low, high = not grows, grows
        # A comparison chain evaluates its middle once: the sum is computed there.
        computed = emit.walrus(result, fast)
        if low and high:
            fit = emit.compare(emit.const(INT_MIN), LE, computed, LE, emit.const(INT_MAX))
        else:
            fit = emit.fits(computed, low, high)
        return emit.choose(emit.both(*guards, fit), emit.load(result), slow)

    def _unary(self, expr: Unary) -> Typed:
        emit = self.emit
        names = {"-": "negative", "~": "reverse", "!": "not"}
        if expr.op == "&":
            return emit.call(".no_reference"), "any"
        if names[expr.op] in self.hooks:
            node = self.node(expr.operand)
            emit.pos = expr.pos
            return emit.call(".hooked_unary", emit.const(expr.op), node), "any"
        if expr.op == "!":
            # Other than a condition, `!` takes the tiniest real as true.
            return emit.negated(self.node(expr.operand)), "bool"
        operand = target(expr.operand)
        if isinstance(operand, Const) and type(operand.value) is int and expr.op == "-":
            return emit.const(wrap(-operand.value)), "int"
        node = self.node(expr.operand)
        emit.pos = expr.operand.pos
        return emit.call("." + names[expr.op], node), "any"

    def _step(self, expr: Step) -> Typed:
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
        holds = Operand(emit.load(slot), emit.load(slot), "any")
        one = Operand(emit.const(1), emit.const(1), "int", 1)
        sign = op[0]
        slow = emit.call(".step", emit.load(slot), emit.const(1 if sign == "+" else -1))
        fast = emit.binary(emit.load(slot), _ARITHMETIC[sign], emit.const(1))
        guards = [emit.type_is(emit.load(slot), ".int")]
        return slot, self.guarded(sign, guards, fast, holds, one, slow)

    def _unboxed(self, node: py.expr, name: str) -> py.expr:
        """Return the value of what a slot holds."""
        if not self.variables.is_shared(name):
            return node
        emit = self.emit
        first, again = self.saved(node)
        return emit.choose(emit.type_is_not(first, ".Cell"), again, emit.call(".value", again))

    def _assign(self, expr: Assign) -> Typed:
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
            emit.pos = expr.right.pos
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
            operand = Operand(*self.saved(variables.read(name)), "any")
            node = emit.call("." + expr.op, operand.first, self.node(expr.right))
        else:
            node = self.copied(expr.right)
        emit.pos = expr.pos
        if not variables.is_shared(name):
            return variables.put(name, node), "any"
        first, again = self.saved(node)
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
        held = Operand(emit.load(slot), emit.load(slot), "any")
        sign = op[:-1]
        slow = emit.call(".change" + op, emit.load(slot), operand.again)
        guards = self.int_guards(held, operand) if sign in _ARITHMETIC else None
        if guards is None:
            return slot, emit.call(".change" + op, emit.load(slot), operand.first)
        fast = emit.binary(emit.load(slot), _ARITHMETIC[sign], operand.again)
        return slot, self.guarded(sign, guards, fast, held, operand, slow)

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

    def _index(self, expr: Index) -> Typed:
        emit = self.emit
        if "index" in self.hooks:
            base, key = self.node(expr.base), self.key(expr)
            plain = emit.load(".element")
            return emit.call(".hooked_member", emit.const("index"), base, key, plain), "any"
        base_of, key_of = self.operand(expr.base), None
        if expr.key is not None:
            key_of = self.operand(expr.key)
        emit.pos = expr.pos
        complex_base = base_of.first is not base_of.again
        complex_key = key_of is not None and key_of.first is not key_of.again
        if key_of is None or key_of.kind not in ("any", "int") or (complex_base and complex_key):
            key = emit.const(None) if key_of is None else key_of.first
            return emit.call(".element", base_of.first, key), "any"
        is_int = emit.type_is(key_of.first, ".int")
        is_array = emit.type_is(base_of.first, ".Array")
        dense = emit.attribute(base_of.again, "dense")
        size = emit.call(".len", dense)
        fits = emit.compare(emit.const(0), LE, key_of.again, py.Lt(), size)
        tests = (is_array, is_int) if complex_base else (is_int, is_array)
        fast = emit.item(emit.attribute(base_of.again, "dense"), key_of.again)
        slow = emit.call(".element", base_of.again, key_of.again)
        return emit.choose(emit.both(*tests, fits), fast, slow), "any"

    def _property(self, expr: Property) -> Typed:
        emit = self.emit
        base, name = self.node(expr.base), emit.const(expr.name.encode())
        emit.pos = expr.pos
        if "property" in self.hooks:
            plain = emit.load(".property_of")
            return emit.call(".hooked_member", emit.const("property"), base, name, plain), "any"
        return emit.call(".property_of", base, name), "any"

    def _call(self, expr: Call) -> Typed:
        emit = self.emit
        this: py.expr = emit.const(None)
        owner_name = ""
        places = [target(arg) for arg in expr.args]
        callee: py.expr
        if isinstance(expr.callee, Property):
            owner = target(expr.callee.base)
            base, this = self.saved(self.node(owner))
            emit.pos = expr.pos
            name = emit.const(expr.callee.name.encode())
            finder = ".hooked_method" if "property" in self.hooks else ".method"
            callee = emit.call(finder, base, name)
            if self.variables.share_all and isinstance(owner, Name):
                owner_name = owner.name
        else:
            operand = self.operand(expr.callee)
            emit.pos = expr.pos
            plain = emit.type_is(operand.first, ".Function")
            callee = emit.choose(plain, operand.again, emit.call(".resolve", operand.again))
        function = self.variables.temporary()
        if owner_name or any(isinstance(place, (Name, Index, Property)) for place in places):
            callee = emit.walrus(function, callee)
        count = len(expr.args)
        if count <= 6:
            code = emit.attribute(callee, f"f{count}")
        else:
            code = emit.invoke(emit.attribute(callee, "call_with"), [emit.const(count)])
        # Through a variable, or Python would look for a method instead of a slot.
        code = emit.walrus(self.variables.temporary(), code)
        if owner_name:
            mask = emit.attribute(emit.load(function), "mask")
            plain = emit.compare(mask, py.Lt(), emit.const(WANTS_THIS))
            this = emit.choose(plain, this, self.variables.reference(owner_name))
        args = [self.argument(place, function, index) for index, place in enumerate(places)]
        emit.pos = expr.pos
        return emit.invoke(code, [this, *args]), "any"

    def argument(self, place: Expr, function: str, index: int) -> py.expr:
        """Return code for an argument: the Cell of a variable if the function wants that."""
        emit = self.emit
        if not isinstance(place, (Name, Index, Property)):
            return self.copied(place)

        def wanted() -> py.expr:
            mask = emit.attribute(emit.load(function), "mask")
            return emit.binary(mask, py.BitAnd(), emit.const(1 << index))

        if isinstance(place, Index) and not self._is_simple(place) and "index" not in self.hooks:
            base, key = self.node(place.base), self.key(place)
            emit.pos = place.pos
            return emit.call(".element_argument", wanted(), base, key)
        if isinstance(place, Property) and not self._is_simple(place):
            base, name = self.node(place.base), emit.const(place.name.encode())
            emit.pos = place.pos
            return emit.call(".property_argument", wanted(), base, name)
        known = set(self.variables.known)
        value = self.copied(place)
        reference = self.reference(place)
        self.variables.known = known
        return emit.choose(emit.negated(wanted()), value, reference)

    def _is_simple(self, place: Index | Property) -> bool:
        """Return whether the code for an lvalue may stand there twice."""
        if not isinstance(place.base, Name):
            return False
        return isinstance(place, Property) or isinstance(place.key, (Name, Const))

    def _new(self, expr: New) -> Typed:
        return self.emit.call(".new_object", self.emit.const(expr.name.encode())), "any"

    def _array(self, expr: ArrayLiteral) -> Typed:
        emit = self.emit
        if all(key is None for key, _ in expr.items):
            nodes = [self.copied(item) for _, item in expr.items]
            emit.pos = expr.pos
            return emit.call(".array", emit.list(nodes)), "array"
        nodes = []
        for key, item in expr.items:
            nodes.append(emit.const(None) if key is None else self.node(key))
            nodes.append(self.copied(item))
        emit.pos = expr.pos
        return emit.call(".pairs", emit.list(nodes)), "array"


def _sees_nothing(expr: Expr) -> bool:
    """Return whether an expression can neither look into an array nor call anything."""
    while isinstance(expr, Binary):
        if not isinstance(target(expr.right), (Const, Name)):
            return False
        expr = target(expr.left)
    return isinstance(expr, (Const, Name))


_VALUE: dict[type[Expr], Callable[[Expressions, Expr], Typed]] = {
    Const: Expressions._const,  # type: ignore[dict-item]
    Name: Expressions._name,  # type: ignore[dict-item]
    Group: Expressions._group,  # type: ignore[dict-item]
    Binary: Expressions._binary,  # type: ignore[dict-item]
    Unary: Expressions._unary,  # type: ignore[dict-item]
    Step: Expressions._step,  # type: ignore[dict-item]
    Assign: Expressions._assign,  # type: ignore[dict-item]
    Index: Expressions._index,  # type: ignore[dict-item]
    Property: Expressions._property,  # type: ignore[dict-item]
    Call: Expressions._call,  # type: ignore[dict-item]
    New: Expressions._new,  # type: ignore[dict-item]
    ArrayLiteral: Expressions._array,  # type: ignore[dict-item]
}

"""Expressions to Python's syntax tree.

`value` gives a node and what is known of its type ("any" if nothing); a node is
never a Cell.  The fast path for int with int is inline, as a conditional
expression; everything else calls the runtime.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Callable

from .arithmetic import RING, Arithmetic, Operand, Typed, is_cheap, may_be_ints
from .emit import LE, Emitter
from .errors import TooDeep
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
from .plain import wrap
from .texts import truth
from .variables import Variables

MAX_CHAIN = 1000  # of `&&` and `||` in one expression
WANTS_THIS = 1 << 40  # in a function's mask: it assigns to `this`, which is by reference
_KINDS = {type(None): "nil", bool: "bool", int: "int", float: "real", bytes: "string"}


class Expressions:
    """The expressions of one function."""

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
            return Operand(self.emit.const(expr.value), _KINDS[type(expr.value)], number)
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
        first, again = self.arithmetic.saved(node)
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
        """Walk down `&&` and `||` in a loop too."""
        spine = []
        left: Expr = expr
        while isinstance(left, Binary) and left.op in ("&&", "||"):
            spine.append(left)
            left = left.left
        if not spine:
            operand = self._chain(expr)
            return operand.whole, operand.kind
        if len(spine) > MAX_CHAIN:
            raise TooDeep(expr.pos)
        typed = self.value(left)
        for link in reversed(spine):
            typed = self._logic(link, typed)
        return typed

    def _logic(self, expr: Binary, left: Typed) -> Typed:
        emit = self.emit
        first, again = self.arithmetic.saved(left[0])
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

    def _index(self, expr: Index) -> Typed:
        emit = self.emit
        if "index" in self.hooks:
            base, key = self.node(expr.base), self.key(expr)
            plain = emit.load(".element")
            return emit.call(".hooked_member", emit.const("index"), base, key, plain), "any"
        first, base, _ = self._leaf(expr.base)
        # Code for the key must run whether or not the base is an array.
        is_late = first is base
        if expr.key is None:
            return emit.call(".element", first, emit.const(None)), "any"
        first_key, key, kind = self._leaf(expr.key)
        emit.pos = expr.pos
        if kind not in ("any", "int") or not (is_late or is_cheap(first_key)):
            return emit.call(".element", first, first_key), "any"
        is_int = emit.type_is(first_key, ".int")
        is_array = emit.type_is(first, ".Array")
        size = emit.call(".len", emit.attribute(base, "dense"))
        fits = emit.compare(emit.const(0), LE, key, py.Lt(), size)
        tests = (is_int, is_array) if is_late else (is_array, is_int)
        fast = emit.item(emit.attribute(base, "dense"), key)
        slow = emit.call(".element", base, key)
        return emit.choose(emit.both(*tests, fits), fast, slow), "any"

    def _leaf(self, expr: Expr) -> tuple[py.expr, py.expr, str]:
        """Return code that evaluates, code that repeats, and the type; Cells are possible."""
        expr = target(expr)
        if isinstance(expr, Name) and self.variables.slot(expr.name) is not None:
            self.emit.pos = expr.pos
            node = self.variables.raw(expr.name)
            return node, node, "any"
        node, kind = self.value(expr)
        return *self.arithmetic.saved(node), kind

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
            base, this = self.arithmetic.saved(self.node(owner))
            emit.pos = expr.pos
            name = emit.const(expr.callee.name.encode())
            finder = ".hooked_method" if "property" in self.hooks else ".method"
            callee = emit.call(finder, base, name)
            if self.variables.share_all and isinstance(owner, Name):
                owner_name = owner.name
        else:
            first, again, _ = self._leaf(expr.callee)
            emit.pos = expr.pos
            plain = emit.type_is(first, ".Function")
            finder = ".resolve" if isinstance(target(expr.callee), Name) else ".resolve_value"
            callee = emit.choose(plain, again, emit.call(finder, again))
        function = self.variables.temporary()
        count = len(expr.args)
        if owner_name or any(_is_place(place) for place in places):
            callee = emit.walrus(function, callee)
        elif count <= 6 and self._is_definition(target(expr.callee)):
            callee = first
        if count <= 6:
            code = emit.attribute(callee, f"f{count}")
        else:
            code = emit.invoke(emit.attribute(callee, "call_with"), [emit.const(count)])
        # Python looks for a method where a call has an attribute; a choice without an
        # alternative hides it, and costs nothing.
        code = emit.choose(emit.const(True), code, emit.const(None))
        if owner_name:
            mask = emit.attribute(emit.load(function), "mask")
            plain = emit.compare(mask, py.Lt(), emit.const(WANTS_THIS))
            this = emit.choose(plain, this, self.variables.reference(owner_name))
        args = [self.argument(place, function, index) for index, place in enumerate(places)]
        emit.pos = expr.pos
        return emit.invoke(code, [this, *args]), "any"

    def _is_definition(self, callee: Expr) -> bool:
        """Return whether it is a global name that only definitions are stored into."""
        if not isinstance(callee, Name) or callee.name in self.assigned:
            return False
        return self.variables.scope.binding(callee.name) == "global"

    def argument(self, place: Expr, function: str, index: int) -> py.expr:
        """Return code for an argument: the Cell of a variable if the function wants that."""
        emit = self.emit
        if not _is_place(place) or (self.hooks and isinstance(place, (Assign, Step))):
            return self.copied(place)
        if isinstance(place, (Assign, Step)):
            # The value is the variable itself.
            node = self.node(place)
            return emit.sequence(node, self.argument(_assigned_to(place), function, index))

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
            return emit.call(".array", emit.array(nodes)), "array"
        nodes = []
        for key, item in expr.items:
            nodes.append(emit.const(None) if key is None else self.node(key))
            nodes.append(self.copied(item))
        emit.pos = expr.pos
        return emit.call(".pairs", emit.array(nodes)), "array"


def _assigned_to(expr: Assign | Step) -> Expr:
    return target(expr.left if isinstance(expr, Assign) else expr.operand)


def _is_place(expr: Expr) -> bool:
    """Return whether the value of an expression is a variable, which can be shared."""
    if isinstance(expr, Assign) or (isinstance(expr, Step) and expr.prefix):
        return isinstance(_assigned_to(expr), Name)
    return isinstance(expr, (Name, Index, Property))


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

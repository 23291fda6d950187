"""Expressions to Python's syntax tree.

`value` gives a node and what is known of its type ("any" if nothing); a node is
never a Cell.  The fast path for int with int is inline, as a conditional
expression; everything else calls the runtime.
"""

from __future__ import annotations

import _ast as py
from collections.abc import Callable

from .arithmetic import Typed, is_cheap
from .compile_place import KINDS, Places
from .emit import LE
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
from .plain import wrap
from .texts import truth

MAX_CHAIN = 1000  # of `&&` and `||` in one expression
WANTS_THIS = 1 << 40  # in a function's mask: it assigns to `this`, which is by reference


class Expressions(Places):
    """The expressions of one function."""

    def value(self, expr: Expr) -> Typed:
        """Return code for an expression, and the type if it is known."""
        self.emit.pos = expr.pos
        return _VALUE[type(expr)](self, expr)

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
        return self.emit.const(expr.value), KINDS[type(expr.value)]

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
        emit.pos = expr.pos
        return emit.call("." + names[expr.op], node), "any"

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


_VALUE: dict[type[Expr], Callable[[Expressions, Expr], Typed]] = {
    Const: Expressions._const,  # type: ignore[dict-item]
    Name: Expressions._name,  # type: ignore[dict-item]
    Group: Expressions._group,  # type: ignore[dict-item]
    Binary: Expressions._binary,  # type: ignore[dict-item]
    Unary: Expressions._unary,  # type: ignore[dict-item]
    Step: Expressions.step,  # type: ignore[dict-item]
    Assign: Expressions.assign,  # type: ignore[dict-item]
    Index: Expressions._index,  # type: ignore[dict-item]
    Property: Expressions._property,  # type: ignore[dict-item]
    Call: Expressions._call,  # type: ignore[dict-item]
    New: Expressions._new,  # type: ignore[dict-item]
    ArrayLiteral: Expressions._array,  # type: ignore[dict-item]
}

"""Compiled code that reads and stores variables.

A slot (a Python local or global) holds a value, or a `Cell` if the variable is
shared, or `UNDEF` before the variable exists.  What a slot can hold decides how
much code an access needs.
"""

from __future__ import annotations

import _ast as py

from .emit import IS, IS_NOT, Emitter
from .scope import Scope, python_name


class Variables:
    """The variables of one function while it is compiled."""

    def __init__(self, emit: Emitter, scope: Scope, share_all: bool) -> None:
        self.emit = emit
        self.scope = scope
        self.share_all = share_all
        self.known: set[str] = set()  # names that surely exist at this point of the code
        self.initial: set[str] = set()  # slots that must hold UNDEF at the start
        self.globals: set[str] = {".ticks"}
        self.temporaries = 0
        # Names whose slot may hold a Cell by now; jumps make the order unknowable.
        self.boxed: set[str] = set(scope.shared if scope.labels else ())
        # Names that hold nothing but ints, unless a hook may be handed them.
        self.ints = frozenset() if share_all else scope.ints

    def temporary(self) -> str:
        """Return a new slot for an intermediate result."""
        self.temporaries += 1
        return f".{self.temporaries}"

    def is_plain(self, name: str) -> bool:
        """Return whether the slot surely holds the value itself."""
        return name in self.known and not self.is_shared(name)

    def is_shared(self, name: str) -> bool:
        """Return whether the slot may hold a Cell."""
        if name in self.ints:
            return False
        if self.share_all or name in self.boxed:
            return True
        return self.scope.binding(name) != "local"

    def is_int(self, name: str) -> bool:
        """Return whether the slot surely holds an int."""
        return name in self.ints and name in self.known

    def now_known(self, name: str) -> None:
        """Note that the variable exists from here on; jumps make that unknowable."""
        if not self.scope.labels and self.scope.binding(name) == "local":
            self.known.add(name)

    def slot(self, name: str) -> str | None:
        """Return the Python name of the one slot of a variable, None if it has two."""
        binding = self.scope.binding(name)
        slot = python_name(name)
        if binding == "local":
            if name not in self.known:
                self.initial.add(slot)
            return slot
        self.globals.add(slot)
        return slot if binding == "global" else None

    def twin(self, name: str) -> str:
        """Return the local slot of a variable that may also be a global one."""
        twin = python_name(name) + "'"
        self.initial.add(twin)
        return twin

    def raw(self, name: str) -> py.expr:
        """What the slot holds."""
        emit = self.emit
        slot = self.slot(name)
        if slot is not None:
            return emit.load(slot)
        twin = self.twin(name)
        absent = emit.compare(emit.load(twin), IS, emit.load(".UNDEF"))
        return emit.choose(absent, emit.load(python_name(name)), emit.load(twin))

    def read(self, name: str) -> py.expr:
        """The value.  A variable that does not exist is nil, and exists from then on."""
        emit = self.emit
        if self.is_plain(name):
            return self.raw(name)
        slot = self.slot(name)
        if slot is None:
            slot = self.temporary()
            special = emit.type_is_not(emit.walrus(slot, self.raw(name)), ".Cell")
        else:
            special = emit.type_is_not(emit.load(slot), ".Cell")
        value = emit.call(".value", emit.load(slot))
        if self.scope.binding(name) == "local" and name not in self.known:
            create = emit.walrus(slot, emit.const(None))
            if self.is_shared(name):
                absent = emit.compare(emit.load(slot), IS, emit.load(".UNDEF"))
                create = emit.choose(absent, create, value)
            value = create
        return emit.choose(special, emit.load(slot), value)

    def _into(self, slot: str, value: py.expr) -> py.expr:
        """What the slot holds after a store; `value` costs nothing and has no effect."""
        emit = self.emit
        special = emit.type_is_not(emit.load(slot), ".Cell")
        return emit.choose(special, value, emit.call(".store", emit.load(slot), value))

    def stored(self, name: str, value: py.expr) -> tuple[str, py.expr] | None:
        """Return the slot and what a store puts there, None if it has two slots."""
        slot = self.slot(name)
        if slot is None:
            return None
        return slot, (self._into(slot, value) if self.is_shared(name) else value)

    def put(self, name: str, value: py.expr) -> py.expr:
        """A store as an expression; the value costs nothing and has no effect.

        The expression's own value is what the slot holds then.
        """
        emit = self.emit
        stored = self.stored(name, value)
        if stored is not None:
            self.now_known(name)
            return emit.walrus(*stored)
        slot, twin = python_name(name), self.twin(name)
        exists = emit.compare(emit.load(twin), IS_NOT, emit.load(".UNDEF"))
        is_global = emit.compare(emit.load(slot), IS_NOT, emit.load(".UNDEF"))
        return emit.choose(
            exists,
            emit.walrus(twin, self._into(twin, value)),
            emit.choose(
                is_global,
                emit.walrus(slot, self._into(slot, value)),
                emit.walrus(twin, value),
            ),
        )

    def define(self, name: str, value: py.expr, shared: bool) -> py.stmt:
        """Bind a name to a definition: in the current scope, whatever was there."""
        binding = self.scope.binding(name)
        if shared:
            self.boxed.add(name)
        slot = self.twin(name) if binding == "both" else self.slot(name)
        assert slot is not None
        self.now_known(name)
        return self.emit.assign(slot, value)

    def captured(self, name: str, shared: bool) -> py.expr:
        """What a function captures: the value, or the Cell; a set is none."""
        value = self.emit.call(".captured", self.raw(name))
        return self.emit.sequence(value, self.reference(name)) if shared else value

    def reference(self, name: str) -> py.expr:
        """The Cell of the variable, which from then on is shared."""
        emit = self.emit
        self.boxed.add(name)

        def boxed(slot: str) -> py.expr:
            return emit.walrus(slot, emit.call(".box", emit.load(slot)))

        slot = self.slot(name)
        if slot is not None:
            return boxed(slot)
        slot, twin = python_name(name), self.twin(name)
        local = emit.compare(emit.load(twin), IS_NOT, emit.load(".UNDEF"))
        absent = emit.compare(emit.load(slot), IS, emit.load(".UNDEF"))
        return emit.choose(emit.either(local, absent), boxed(twin), boxed(slot))

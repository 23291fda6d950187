"""The names that compiled code uses: they are its Python builtins.

Each begins with a dot, so that no variable of a script can be one of them.
"""

from __future__ import annotations

from collections.abc import Callable

from . import calls, overload
from .array import Array
from .builtin import running
from .compile_func import TURNS
from .errors import BAD_DEFINITION, MelangError, Misplaced
from .operators import ASSIGN, BINARY, Operator, add_assign, negative, reverse, stepped
from .plain import Value, wrap
from .texts import text, truth
from .values import PENDING, UNDEF, Cell, Closure, Function, SetDef, bind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TURNS_ALONE = 2000  # with nobody to give way to, it is enough to look for events sometimes
LONG_TEXT = 256  # from this length on a string that is appended to goes into a buffer


class Goto(Exception):
    """A jump out of a loop to a label of the same function."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place


def value(slot: Cell) -> Value:
    """Return the value of a Cell."""
    return slot.get()


def store(slot: Cell, new: Value) -> Value:
    """Return what a slot that held a Cell holds after a store."""
    if slot is UNDEF:
        return new
    slot.set(new)
    return slot


def box(slot: Value) -> Cell:
    """Return the Cell of a variable, a new one if it has none."""
    if type(slot) is not Cell:
        return Cell(slot)
    return Cell() if slot is UNDEF else slot


def changer(operator: Operator) -> Callable[[Value, Value], Value]:
    """Return the function for what a slot holds after an assignment operator."""

    def change(slot: Value, operand: Value) -> Value:
        if type(slot) is not Cell or slot is UNDEF:
            return operator(slot, operand)
        if type(operand) is Cell:
            operand = operand.get()
        slot.set(operator(slot.get(), operand))
        return slot

    return change


def _extend(slot: Value, operand: Value) -> Value:
    """Do `+=`: long strings are kept in a buffer, see `Cell.append`."""
    if type(operand) is Cell:
        operand = operand.get()
    if type(slot) is bytes:
        if len(slot) < LONG_TEXT:
            return slot + text(operand)
        slot = Cell(slot)
        slot.append(text(operand))
        return slot
    if type(slot) is not Cell or slot is UNDEF:
        return add_assign(slot, operand)
    if (
        slot.owner is None
        and slot.watch is None
        and (slot.value is PENDING or (type(slot.value) is bytes and len(slot.value) >= LONG_TEXT))
    ):
        slot.append(text(operand))
    else:
        slot.set(add_assign(slot.get(), operand))
    return slot


def step(slot: Value, by: int) -> Value:
    """Return what a slot holds after `++` or `--`."""
    if type(slot) is Cell and slot is not UNDEF:
        slot.set(stepped(slot.get(), by))
        return slot
    return stepped(slot, by)


def step_cell(cell: Cell, by: int, prefix: bool) -> Value:
    """Do `++` or `--` to an element, a property or another lvalue; return its value."""
    old = cell.get()
    new = stepped(old, by)
    cell.set(new)
    return new if prefix else old


def assign_cell(op: str, cell: Cell, new: Value) -> Value:
    """Do an assignment to an element or a property."""
    if op != "=":
        new = ASSIGN[op](cell.get(), new)
    cell.set(new)
    return new


def pairs(flat: list[Value]) -> Array:
    """Return an array of keys and values that alternate; a nil key appends."""
    array = Array()
    for index in range(0, len(flat), 2):
        array.set(flat[index], flat[index + 1])
    return array


def function(code: Callable[..., Value], meta: Any, rest: bool) -> Function:
    """Return a function value."""
    name, params, mask, where = meta
    return Function(name, code, params, mask, rest, where)


def capture(plain: Function, flat: list[Any]) -> Closure:
    """Return a function with captured variables: name, whether shared, and value of each."""
    cells = {}
    shared = set()
    for index in range(0, len(flat), 3):
        name, by_reference, captured = flat[index : index + 3]
        cells[name] = captured if by_reference else Cell(captured)
        if by_reference:
            shared.add(name)
    return bind(plain, cells, frozenset(shared))


def captured(slot: Value) -> Value:
    """Return the value of a variable that is captured; one that does not exist is nil."""
    if type(slot) is not Cell:
        return slot
    if type(slot.value) is SetDef:
        raise MelangError(BAD_DEFINITION)
    return slot.get()


def new_set(name: bytes, flat: list[Value]) -> Cell:
    """Return the slot of a set, of members that alternate with nil or a method."""
    members = {flat[index]: flat[index + 1] for index in range(0, len(flat), 2)}
    return Cell(SetDef(name, members))


def fail(message: str) -> Callable[[], Value]:
    """Return a function that raises an error."""

    def failing() -> Value:
        raise MelangError(message)

    return failing


def leave_nothing(word: str) -> Value:
    """Refuse a `break` or `continue` outside of loops."""
    running.co.report("break or continue not in loop statement.", line=0)
    raise Misplaced(f"Invalid '{word}' usage.")


def tick() -> int:
    """End the time slice: others may run.  Returns how many turns the next one has."""
    scheduler = running.co.scheduler
    scheduler.slice_over(running.co)
    return TURNS if len(scheduler.coroutines) > 1 else TURNS_ALONE


NAMES: dict[str, Any] = {
    ".type": type,
    ".int": int,
    ".float": float,
    ".len": len,
    ".Array": Array,
    ".Cell": Cell,
    ".Closure": Closure,
    ".Function": Function,
    ".Goto": Goto,
    ".UNDEF": UNDEF,
    ".value": value,
    ".store": store,
    ".box": box,
    ".truth": truth,
    ".fit": wrap,
    ".negative": negative,
    ".reverse": reverse,
    ".step": step,
    ".step_cell": step_cell,
    ".assign_cell": assign_cell,
    ".array": Array.from_list,
    ".pairs": pairs,
    ".function": function,
    ".bind": capture,
    ".captured": captured,
    ".set": new_set,
    ".tick": tick,
    ".leave_nothing": leave_nothing,
    ".no_label": fail("Invalid label."),
    ".no_reference": fail("'&' Not allowed."),
    ".bad_definition": fail(BAD_DEFINITION),
    ".resolve": calls.resolve,
    ".resolve_value": calls.resolve_value,
    ".method": calls.method,
    ".new_object": calls.new_object,
    ".element": calls.element,
    ".set_element": calls.set_element,
    ".element_cell": calls.element_cell,
    ".element_argument": calls.element_argument,
    ".property_of": calls.property_of,
    ".set_property": calls.set_property,
    ".property_cell": calls.property_cell,
    ".property_argument": calls.property_argument,
    ".hooked_binary": overload.hooked_binary,
    ".hooked_unary": overload.hooked_unary,
    ".hooked_assign": overload.hooked_assign,
    ".hooked_step": overload.hooked_step,
    ".hooked_member": overload.hooked_member,
    ".hooked_method": overload.hooked_method,
    **{"." + op: operator for op, operator in BINARY.items()},
    **{"." + op: operator for op, operator in ASSIGN.items()},
    **{".change" + op: changer(operator) for op, operator in ASSIGN.items()},
    ".change+=": _extend,
}

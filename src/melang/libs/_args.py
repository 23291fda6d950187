"""What library functions say about an argument of the wrong type.

A bool is an int for Python but not for a script, hence `type(...) is int` everywhere.
"""

from __future__ import annotations

from ..array import Array
from ..errors import MelangError
from ..values import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ..plain import Value


def wrong_type(number: int) -> NoReturn:
    raise MelangError(f"Invalid type of argument {number}.")


def invalid(number: int) -> NoReturn:
    raise MelangError(f"Invalid argument {number}.")


def string(value: Value, number: int) -> bytes:
    if type(value) is not bytes:
        wrong_type(number)
    return value


def integer(value: Value, number: int) -> int:
    if type(value) is not int:
        wrong_type(number)
    return value


def array(value: Value, number: int) -> Array:
    if not isinstance(value, Array):
        wrong_type(number)
    return value


def reference(value: Value) -> Cell:
    """Return the variable that was given; a literal becomes one that nobody else knows."""
    return value if isinstance(value, Cell) else Cell(value)

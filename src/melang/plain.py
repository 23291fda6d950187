"""What all values have in common: their name for the type checker, and 64 bits."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost a tenth of the start-up time
if TYPE_CHECKING:
    from typing import Any

    Value = Any  # None | bool | int | float | bytes | Array | Object | Function
else:
    Value = object

INT_MAX = 0x7FFFFFFFFFFFFFFF
INT_MIN = -0x8000000000000000
EPSILON = 2.220446049250313e-16


def wrap(number: int) -> int:
    """Return `number` cut to 64 bits, two's complement."""
    if INT_MIN <= number <= INT_MAX:
        return number
    number &= 0xFFFFFFFFFFFFFFFF
    return number - 0x10000000000000000 if number > INT_MAX else number

"""The library `matrix`: dicts with `row`, `col` and `data`, the numbers row by row."""

from __future__ import annotations

from ..array import Array
from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import Value
from ._args import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

SINGULAR = 1e-6  # a pivot smaller than this counts as zero

Row = list[float]


@builtin(2)
def mul(co: Coroutine, a: Value, b: Value) -> Value:
    """Return the product, or false if the sizes do not fit."""
    array(a, 1)
    array(b, 2)
    left, right = rows(a), rows(b)
    if a.find(b"col") != len(right):
        return False
    width = b.find(b"col")
    return as_dict([product(row, right, width) for row in left], width)


@builtin(1)
def inv(co: Coroutine, a: Value) -> Value:
    """Return the inverse, or false if there is none."""
    if not isinstance(a, Array):
        raise MelangError("Invalid type of argument.")
    matrix = rows(a)
    size = len(matrix)
    if a.find(b"col") != size:
        return False
    work = [row + unit(size, place) for place, row in enumerate(matrix)]
    if not eliminate(work):
        return False
    return as_dict([row[size:] for row in work], size)


def rows(matrix: Array) -> list[Row]:
    height, width, numbers = (matrix.find(key) for key in (b"row", b"col", b"data"))
    if type(height) is not int or type(width) is not int or not isinstance(numbers, Array):
        raise MelangError("Invalid argument.")
    values = numbers.values()
    fits = height >= 0 <= width and height * width == len(values) == numbers.end()
    if not fits or not all(type(value) in (int, float) for value in values):
        raise MelangError("Invalid argument.")
    data = [float(value) for value in values]
    return [data[start : start + width] for start in range(0, len(data), width)]


def product(row: Row, right: list[Row], width: int) -> Row:
    result = [0.0] * width
    for factor, other in zip(row, right, strict=True):
        result = [number + factor * with_it for number, with_it in zip(result, other, strict=True)]
    return result


def unit(size: int, place: int) -> Row:
    return [1.0 if column == place else 0.0 for column in range(size)]


def eliminate(work: list[Row]) -> bool:
    """Turn the left square of `work` into the unit matrix (Gauss and Jordan).

    The pivot is the greatest number of its column.  Returns whether it worked out.
    """
    for place in range(len(work)):
        best = max(range(place, len(work)), key=lambda line: abs(work[line][place]))
        work[place], work[best] = work[best], work[place]
        pivot = work[place][place]
        if not abs(pivot) >= SINGULAR:
            return False
        work[place] = [number / pivot for number in work[place]]
        for line, row in enumerate(work):
            if line != place:
                work[line] = minus(row, row[place], work[place])
    return True


def minus(row: Row, factor: float, other: Row) -> Row:
    return [number - factor * taken for number, taken in zip(row, other, strict=True)]


def as_dict(matrix: list[Row], width: int) -> Array:
    data = Array.from_list([number for row in matrix for number in row])
    return Array.from_pairs([(b"row", len(matrix)), (b"col", width), (b"data", data)])


FUNCTIONS: dict[bytes, Builtin] = {b"mul": mul, b"inv": inv}

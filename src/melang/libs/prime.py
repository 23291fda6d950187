"""The library `prime`."""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import INT_MAX, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

# Enough witnesses for every number below 3.3e24 (Sorenson and Webster, 2015).
WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
LARGEST = INT_MAX - 24  # the last prime of 63 bits


@builtin(1)
def prime(co: Coroutine, number: Value) -> Value:
    """Return the smallest prime that is not less than `number`."""
    if type(number) is not int or number > LARGEST:
        raise MelangError("Invalid argument.")
    candidate = max(number, 2)
    while not is_prime(candidate):
        candidate += 1
    return candidate


def is_prime(number: int) -> bool:
    """Tell whether `number`, at least 2, is prime (Miller and Rabin's test)."""
    if any(number % witness == 0 for witness in WITNESSES):
        return number in WITNESSES
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    return all(passes(number, witness, odd, twos) for witness in WITNESSES)


def passes(number: int, witness: int, odd: int, twos: int) -> bool:
    power = pow(witness, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


FUNCTIONS: dict[bytes, Builtin] = {b"prime": prime}

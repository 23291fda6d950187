"""The library `rc`: RC4, which is its own inverse.

By hand, because the package `cryptography` takes keys of eight sizes only, scripts use
any; and a cipher that is broken anyhow is not worth more than these lines.
"""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..plain import Value
from ._args import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine


@builtin(2)
def rc4(co: Coroutine, data: Value, key: Value) -> Value:
    if type(data) is not bytes:
        invalid(1)
    if type(key) is not bytes or not key:
        invalid(2)
    state = scheduled(key)
    i = j = 0
    stream = bytearray(len(data))
    for at in range(len(data)):
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        stream[at] = state[(state[i] + state[j]) & 255]
    return xor(data, bytes(stream))


def scheduled(key: bytes) -> list[int]:
    """Return the 256 numbers in the order that `key` gives them."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    return state


def xor(data: bytes, stream: bytes) -> bytes:
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return mixed.to_bytes(len(data), "little")


FUNCTIONS: dict[bytes, Builtin] = {b"rc4": rc4}

"""The library `des`: DES and 3DES with two keys, block by block (ECB)."""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..plain import Value
from ._args import invalid
from ._cipher import encodes, in_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

BLOCK = 8


@builtin(3)
def des(co: Coroutine, data: Value, key: Value, operation: Value) -> Value:
    encode = encodes(operation, 3)
    if type(data) is not bytes or len(data) % BLOCK:
        invalid(1)
    return triple(data, key_bytes(key, 2) * 3, encode)


@builtin(4)
def des3(co: Coroutine, data: Value, key1: Value, key2: Value, operation: Value) -> Value:
    encode = encodes(operation, 4)
    outer, inner = key_bytes(key1, 2), key_bytes(key2, 3)
    if type(data) is not bytes or len(data) % BLOCK:
        invalid(1)
    return triple(data, outer + inner + outer, encode)


def key_bytes(key: Value, number: int) -> bytes:
    if type(key) is not int:
        invalid(number)
    return key.to_bytes(BLOCK, "big", signed=True)


def triple(data: bytes, key: bytes, encode: bool) -> bytes:
    """Return `data` through 3DES; three equal keys make it DES."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

    return in_blocks(TripleDES(key), data, encode=encode)


FUNCTIONS: dict[bytes, Builtin] = {b"des": des, b"des3": des3}

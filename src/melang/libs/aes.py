"""The library `aes`: AES with keys of 128, 192 and 256 bits, block by block (ECB)."""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..plain import Value
from ._args import invalid
from ._cipher import encodes, in_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

BLOCK = 16


@builtin(4)
def aes(co: Coroutine, data: Value, key: Value, bits: Value, operation: Value) -> Value:
    """Return `data` encoded or decoded with the first `bits` of `key`."""
    encode = encodes(operation, 4)
    if type(key) is not bytes:
        invalid(2)
    if type(bits) is not int or bits not in (128, 192, 256) or len(key) < bits // 8:
        invalid(3)
    if type(data) is not bytes or len(data) % BLOCK:
        invalid(1)
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    return in_blocks(AES(key[: bits // 8]), data, encode=encode)


FUNCTIONS: dict[bytes, Builtin] = {b"aes": aes}

"""The library `base64`."""

from __future__ import annotations

import binascii

from ..builtin import Builtin, builtin
from ..plain import Value
from ._args import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# As in the original a byte that does not belong counts as zero, which is A.
TABLE = bytes(byte if byte in ALPHABET else ord("A") for byte in range(256))


@builtin(2)
def base64(co: Coroutine, data: Value, operation: Value) -> Value:
    if operation not in (b"encode", b"decode"):
        invalid(2)
    if type(data) is not bytes:
        invalid(1)
    if operation == b"encode":
        return binascii.b2a_base64(data, newline=False)
    if len(data) % 4:
        invalid(1)
    padding = min(len(data) - len(data.rstrip(b"=")), 2)
    decoded = binascii.a2b_base64(data.translate(TABLE))
    return decoded[: len(decoded) - padding]


FUNCTIONS: dict[bytes, Builtin] = {b"base64": base64}

"""What `aes`, `des` and `rc` have in common.

The package `cryptography` does the work; it is imported at the first use, because it takes
longer to load than everything else a script needs.
"""

from ._args import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherAlgorithm

    from ..plain import Value


def encodes(operation: "Value", number: int) -> bool:
    """Return whether argument `number` says 'encode'; the other word is 'decode'."""
    if operation not in (b"encode", b"decode"):
        invalid(number)
    return bool(operation == b"encode")


def in_blocks(algorithm: "CipherAlgorithm", data: bytes, *, encode: bool) -> bytes:
    """Return `data`, whole blocks of it, encoded or decoded one by one (ECB)."""
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    cipher = Cipher(algorithm, modes.ECB())  # what the library promises, not a choice
    step = cipher.encryptor() if encode else cipher.decryptor()
    return step.update(data) + step.finalize()

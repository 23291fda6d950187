"""What `md5` and `sha` have in common: the digest of a string or of the rest of a file."""

from __future__ import annotations

import hashlib
import os

from ..errors import MelangError
from ..plain import Value
from ..values import Object
from .file import SET, descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

CHUNK = 65536


def hex_digest(co: Coroutine, algorithm: str, source: Value) -> bytes:
    """Return the digest, in hexadecimal, of a string or of what a file still has."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    if type(source) is bytes:
        digest.update(source)
    elif isinstance(source, Object) and source.set_name == SET.name:
        consume(co, source, digest)
    else:
        raise MelangError("Invalid argument.")
    return digest.hexdigest().encode()


def consume(co: Coroutine, source: Object, digest: hashlib._Hash) -> None:
    fd = descriptor(co, source)
    if fd is None:
        raise MelangError("Invalid argument.")
    try:
        while chunk := os.read(fd, CHUNK):
            digest.update(chunk)
    except OSError:
        raise MelangError("Invalid argument.") from None

"""The library `sha`."""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..plain import Value
from ._digest import hex_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine


@builtin(1)
def sha1(co: Coroutine, source: Value) -> Value:
    return hex_digest(co, "sha1", source)


@builtin(1)
def sha256(co: Coroutine, source: Value) -> Value:
    return hex_digest(co, "sha256", source)


FUNCTIONS: dict[bytes, Builtin] = {b"sha1": sha1, b"sha256": sha256}

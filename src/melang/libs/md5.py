"""The library `md5`."""

from __future__ import annotations

from ..builtin import Builtin, builtin
from ..plain import Value
from ._digest import hex_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine


@builtin(1)
def md5(co: Coroutine, source: Value) -> Value:
    return hex_digest(co, "md5", source)


FUNCTIONS: dict[bytes, Builtin] = {b"md5": md5}

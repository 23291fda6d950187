"""Single values of the wire: their types, ranges and patterns, which the OpenAPI document shows."""

import signal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

MAX_ARGUMENT = 128 * 1024 - 1
"""Bytes of one argument or environment variable that Linux can exec: MAX_ARG_STRLEN - 1."""

MAX_SECONDS = 10 * 366 * 86_400.0
MAX_BYTES = 2**63 - 1
UNLIMITED = 2**63 - 1

NO_NUL = "^[^\\x00]*$"
PATH = "^/[^\\x00]*$"
_SIGNALS = sorted(name.removeprefix("SIG") for name in signal.Signals.__members__)
SIGNAL = f"^(SIG)?({'|'.join(_SIGNALS)})$(?!\\n)"
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$(?!\n)"  # `$` alone lets a last newline through.

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=_NAME)]
Account = Annotated[str, Meta(min_length=1, max_length=256, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=4096, pattern=NO_NUL)]
Word = Annotated[str, Meta(max_length=MAX_ARGUMENT, pattern=NO_NUL)]
ShellCommand = Annotated[str, Meta(min_length=1, max_length=MAX_ARGUMENT, pattern=NO_NUL)]
Pattern = Annotated[str, Meta(min_length=1, max_length=1000, pattern=NO_NUL)]
AbsolutePath = Annotated[str, Meta(max_length=4095, pattern=PATH)]
FilePattern = Annotated[str, Meta(min_length=1, max_length=1000, pattern=NO_NUL)]
CronText = Annotated[str, Meta(min_length=1, max_length=1024, pattern=NO_NUL)]
ZoneName = Annotated[str, Meta(min_length=1, max_length=128, pattern=NO_NUL)]
Variable = Annotated[str, Meta(min_length=1, pattern="^[^=\\x00]+$")]
SignalName = Annotated[str, Meta(pattern=SIGNAL)]
# The next two are alternatives to a list.  Of a text with a pattern and a list in one union msgspec
# 0.22 reads wild memory too, so the pattern is for the document, and checked by to_spec.
ShellCommandOrList = Annotated[
    str, Meta(min_length=1, max_length=MAX_ARGUMENT, extra_json_schema={"pattern": NO_NUL})
]
SignalNameOrList = Annotated[str, Meta(extra_json_schema={"pattern": SIGNAL})]
LabelName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-/]+$(?!\n)")]
LabelValue = Annotated[str, Meta(max_length=256, pattern=NO_NUL)]

Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
SomeSeconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Size = (
    Annotated[int, Meta(ge=1, le=MAX_BYTES)]
    | Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?[KMGTkmgt]?(i?B)?$(?!\n)")]
)
Umask = (
    Annotated[str, Meta(pattern=r"^(0o)?0?[0-7]{1,3}$(?!\n)")]
    | Annotated[int, Meta(ge=0, le=0o777)]
)
LimitValue = Annotated[int, Meta(ge=0, le=UNLIMITED)]
# A list of two, no tuple: msgspec 0.22 mixes up a fixed-length tuple and a bounded number that
# are alternatives of one union, and reads wild memory.
SoftHard = Annotated[list[LimitValue | None], Meta(min_length=2, max_length=2)]
Limit = LimitValue | SoftHard | None


class WireType(StrEnum):
    ONCE = "once"
    DAEMON = "daemon"
    CRON = "cron"
    MELANG = "melang"
    PYTHON = "python"
    COROUTINE = "coroutine"


class LimitName(StrEnum):
    """The resource limits of getrlimit(2), but `locks`: Linux ignores it and we mark runs by it."""

    AS = "as"
    CORE = "core"
    CPU = "cpu"
    DATA = "data"
    FSIZE = "fsize"
    MEMLOCK = "memlock"
    MSGQUEUE = "msgqueue"
    NICE = "nice"
    NOFILE = "nofile"
    NPROC = "nproc"
    RSS = "rss"
    RTPRIO = "rtprio"
    RTTIME = "rttime"
    SIGPENDING = "sigpending"
    STACK = "stack"


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size_in_bytes(size: int | str | None) -> int | None:
    """Return the bytes of a size; units are powers of 1024 ("64M", "1.5GiB")."""
    if not isinstance(size, str):
        return size
    number = size.rstrip("iB").upper()
    unit = number[-1] if number[-1] in _UNITS else ""
    return int(float(number.removesuffix(unit)) * _UNITS[unit])

"""The wire's structs, and how a request becomes a Spec.

A body is decoded once, here are its rules: types, ranges and patterns as annotations (the OpenAPI
document shows them too), what spans fields or depends on settings in `to_spec`.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from proctor.core.errors import BadSpec
from proctor.core.spec import Dep, Schedule, Spec, TaskType

MAX_ARGUMENT = 128 * 1024 - 1
"""Bytes of one argument or environment variable that Linux can exec: MAX_ARG_STRLEN - 1."""

MAX_SECONDS = 10 * 366 * 86_400.0
DEFAULT_CRON = "* * * * *"
UNLIMITED = 2**63 - 1


class WireType(StrEnum):
    ONCE = "once"
    DAEMON = "daemon"
    CRON = "cron"
    MELANG = "melang"
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


EXPECTED = {
    "name": "1 to 128 letters, digits, `_`, `.` or `-`, the first one a letter, a digit or `_`",
    "type": "one of once, daemon, cron, melang",
    "cmd": "a shell command (for melang: a script's path) of 1 to 131071 bytes without NUL",
    "replica": "a whole number, 1 or more",
    "user": "a user's name or number",
    "group": "a group's name or number",
    "groups": "a list of group names or numbers",
    "cron": "a cron expression, and only with type cron",
    "timezone": 'an IANA time zone ("Europe/Berlin"), and only with type cron',
    "interval": "a number of seconds, 0 or more",
    "deps": "a list of task names",
    "env": "an object of texts by variable name, without `=` in names and without NUL",
    "cwd": "an absolute path",
    "umask": 'octal digits as text ("022") or a number from 0 to 511',
    "nice": "a whole number from -20 to 19",
    "rlimits": "limits by name: a number, null (unlimited) or [soft, hard]",
    "stop_signal": 'a signal\'s name ("TERM", "SIGINT", ...)',
    "stop_timeout": "a number of seconds, 0 or more",
    "wait": "0 or 1",
}

_SIGNALS = signal.Signals.__members__
NO_NUL = "^[^\\x00]*$"
_SIGNAL = f"^(SIG)?({'|'.join(sorted(s.removeprefix('SIG') for s in _SIGNALS))})$(?!\\n)"
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$(?!\n)"  # `$` alone lets a last newline through.

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=_NAME)]
Account = Annotated[str, Meta(min_length=1, max_length=256, pattern=NO_NUL)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Variable = Annotated[str, Meta(min_length=1, pattern="^[^=\\x00]+$")]
LimitValue = Annotated[int, Meta(ge=0, le=UNLIMITED)]
# A list of two, no tuple: msgspec 0.22 mixes up a fixed-length tuple and a bounded number that
# are alternatives of one union, and reads wild memory.
SoftHard = Annotated[list[LimitValue | None], Meta(min_length=2, max_length=2)]
Limit = LimitValue | SoftHard | None
Command = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ARGUMENT,
        pattern=NO_NUL,
        description="The shell command; for melang the path of the script.",
    ),
]
Umask = (
    Annotated[str, Meta(pattern=r"^(0o)?0?[0-7]{1,3}$(?!\n)")]
    | Annotated[int, Meta(ge=0, le=0o777)]
)


class TaskRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A task to be started."""

    name: Name
    type: Annotated[WireType, Meta(description="`coroutine` is another name of `melang`.")]
    cmd: Command
    replica: Annotated[int, Meta(ge=1, description="How many processes.")]
    user: Account | None = None
    group: Account | None = None
    groups: Annotated[list[Account], Meta(max_length=1024)] | None = None
    cron: Annotated[str, Meta(min_length=1, max_length=1024, pattern=NO_NUL)] | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=128, pattern=NO_NUL)] | None = None
    interval: Annotated[
        Seconds, Meta(description="Seconds between an exit and the next start.")
    ] = 3.0
    deps: Annotated[list[Name], Meta(max_length=1000)] = []
    env: dict[Variable, Annotated[str, Meta(pattern=NO_NUL)]] = {}
    cwd: Annotated[str, Meta(max_length=4095, pattern="^/[^\\x00]*$")] | None = None
    umask: Umask | None = None
    nice: Annotated[int, Meta(ge=-20, le=19)] | None = None
    rlimits: dict[LimitName, Limit] = {}
    stop_signal: Annotated[str, Meta(pattern=_SIGNAL)] = "TERM"
    stop_timeout: Annotated[
        Seconds, Meta(description="Seconds from the stop signal to SIGKILL.")
    ] = 10.0


@dataclass(frozen=True, slots=True)
class SpecLimits:
    """What the service's settings allow."""

    max_replicas: int = 10_000


def to_spec(request: TaskRequest, limits: SpecLimits) -> Spec:
    """Return the checked and complete spec.  Raises BadSpec naming the field."""
    kind = WireType.MELANG if request.type is WireType.COROUTINE else request.type
    _check_replicas(request.replica, limits)
    _check_bytes("cmd", request.cmd)
    for name, value in request.env.items():
        _check_bytes("env", f"{name}={value}")
    if kind is not WireType.CRON:
        _check_absent(request)
    return Spec(
        name=request.name,
        type=TaskType(kind.value),
        cmd=request.cmd,
        replicas=request.replica,
        user=request.user,
        group=request.group,
        groups=None if request.groups is None else tuple(dict.fromkeys(request.groups)),
        schedule=Schedule(
            cron=(request.cron or DEFAULT_CRON) if kind is WireType.CRON else None,
            timezone=request.timezone,
        ),
        interval=request.interval,
        deps=tuple(Dep(name) for name in dict.fromkeys(request.deps)),
        env=request.env,
        cwd=request.cwd,
        umask=_umask(request.umask),
        nice=request.nice,
        rlimits={name.value: _limit(name, limit) for name, limit in request.rlimits.items()},
        stop_signals=(request.stop_signal.removeprefix("SIG"),),
        stop_timeout=request.stop_timeout,
    )


def _check_replicas(replicas: int, limits: SpecLimits) -> None:
    if replicas > limits.max_replicas:
        given = str(replicas) if replicas < 10**20 else "a gigantic number"
        raise BadSpec(
            f"`replica` is not valid: expected a whole number from 1 to {limits.max_replicas}, "
            f"got {given}",
            field="replica",
        )


def _check_bytes(field: str, text: str) -> None:
    if len(text) * 4 > MAX_ARGUMENT and len(text.encode()) > MAX_ARGUMENT:
        raise BadSpec(
            f"`{field}` is not valid: expected at most {MAX_ARGUMENT} bytes, "
            f"got {len(text.encode())}",
            field=field,
        )


def _check_absent(request: TaskRequest) -> None:
    for field in ("cron", "timezone"):
        if getattr(request, field) is not None:
            raise BadSpec(
                f"`{field}` is not valid: expected only with type cron, "
                f"but type is {request.type.value}",
                field=field,
            )


def _umask(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value.removeprefix("0o"), 8)
    return value


def _limit(name: LimitName, limit: Limit) -> tuple[int | None, int | None]:
    if not isinstance(limit, list):
        return limit, limit
    soft, hard = limit
    if hard is not None and (soft is None or soft > hard):
        raise BadSpec(
            f"`rlimits` is not valid: expected a soft limit of {name.value} that is not above "
            f"the hard one, got [{'null' if soft is None else soft}, {hard}]",
            field="rlimits",
        )
    return soft, hard


class Ok(Struct, frozen=True):
    """Done."""

    code: int = 200
    msg: str = "OK"


class RunningEntry(Struct, frozen=True):
    """A live replica."""

    command: str
    pid: int
    alias: Annotated[str, Meta(description="The replica, `task1:0`.")]


class TaskEntry(Struct, frozen=True):
    """A task, with the page's keys in the page's order; times are unix seconds."""

    name: str
    cmd: str
    type: str
    replica: int
    user: str | None
    deps: list[str]
    interval: int | float
    last_time: Annotated[int | None, Meta(description="When it was last started.")]
    run_flag: Annotated[
        bool, Meta(description="It waits to be started: for dependencies or its schedule.")
    ]
    start_time: Annotated[int | None, Meta(description="When its start was last asked for.")]
    running: Annotated[int, Meta(description="How many of its replicas live.")]
    group: str | None
    cron: str | UnsetType = UNSET


class ProcListing(Struct, frozen=True):
    running: list[RunningEntry]
    tasks: dict[str, TaskEntry]


class ProcResponse(Struct, frozen=True, kw_only=True):
    """All tasks, and all processes that run."""

    code: int = 200
    msg: str = "OK"
    data: ProcListing


class OutputResponse(Struct, frozen=True, kw_only=True):
    """What each replica wrote, base64, by alias."""

    code: int = 200
    msg: str = "OK"
    data: dict[str, Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]]


class NameQuery(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, description="The task's name.")]


class RemoveQuery(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, description="The task's name.")]
    wait: Annotated[
        bool, Meta(description="Answer when nothing of the task is left alive; 0: at once.")
    ] = True

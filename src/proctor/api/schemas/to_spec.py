"""How a request becomes a Spec: what spans fields, or depends on the machine, is checked here."""

import re
import time
from collections.abc import Iterable

from msgspec import Struct

from proctor.core.spec import (
    Check,
    CheckKind,
    Dep,
    Limits,
    Output,
    RestartPolicy,
    RestartWhen,
    Socket,
    Spec,
    TaskType,
    Until,
    Watch,
)

from .addresses import bad, check_address, check_pattern, check_url
from .expected import EXPECTED
from .parts import (
    CheckRequest,
    DependencyRequest,
    LimitsRequest,
    OutputRequest,
    RestartRequest,
    SocketRequest,
    WatchRequest,
)
from .task import TaskRequest
from .to_schedule import to_schedule
from .values import MAX_ARGUMENT, SIGNAL, Limit, LimitName, WireType, size_in_bytes

KINDS = ("exec", "http", "tcp", "log_line", "notify", "file")


class SpecLimits(Struct, frozen=True):
    """What the service's settings allow; `pools` are those there are, None: not known here."""

    max_replicas: int = 10_000
    pools: frozenset[str] | None = None


def to_spec(request: TaskRequest, limits: SpecLimits, now: float | None = None) -> Spec:
    """Return the checked and complete spec; `now`: wall seconds.  Raises BadSpec with the field."""
    kind = WireType.MELANG if request.type is WireType.COROUTINE else request.type
    _check_replicas(request.replica, limits)
    _check_pool(request.pool, limits)
    _check_sizes(request)
    return Spec(
        name=request.name,
        type=TaskType(kind.value),
        cmd=_command(request, kind),
        replicas=request.replica,
        description=request.description,
        namespace=request.namespace,
        labels=request.labels,
        enabled=request.enabled,
        user=request.user,
        group=request.group,
        groups=None if request.groups is None else _once_each(request.groups),
        env=request.env,
        env_files=tuple(request.env_files),
        inherit_env=_inherited(request.inherit_env),
        secret_env=_once_each(request.secret_env),
        cwd=request.cwd,
        umask=_umask(request.umask),
        nice=request.nice,
        oom_score_adj=request.oom_score_adj,
        rlimits={name.value: _limit(name, limit) for name, limit in request.rlimits.items()},
        limits=_limits(request.limits),
        stdin=request.stdin,
        tty=request.tty,
        isolate=request.isolate,
        interpreter=request.interpreter,
        sockets=_sockets(request.sockets),
        output=_output(request.output),
        deps=_deps(request.deps),
        schedule=to_schedule(request, kind, time.time() if now is None else now),
        interval=request.interval,
        restart_policy=_restart(request.restart, kind),
        timeout=request.timeout,
        pool=request.pool,
        priority=request.priority,
        success_codes=tuple(sorted(set(request.success_codes or (0,)))),
        essential=request.essential,
        watch=_watch(request.watch),
        readiness=_check("readiness", request.readiness),
        liveness=_check("liveness", request.liveness),
        startup=_check("startup", request.startup),
        stop_signals=_signals(request.stop_signal),
        stop_timeout=request.stop_timeout,
        stop_command=request.stop_command,
        rolling=request.rolling,
    )


def _once_each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _check_replicas(replicas: int, limits: SpecLimits) -> None:
    if replicas > limits.max_replicas:
        given = str(replicas) if replicas < 10**20 else "a gigantic number"
        raise bad(
            "replica", f"expected a whole number from 1 to {limits.max_replicas}, got {given}"
        )


def _check_pool(pool: str | None, limits: SpecLimits) -> None:
    """A name that no pool has would bound nothing, which a wrong letter is enough for."""
    if pool is not None and limits.pools is not None and pool not in limits.pools:
        known = ", ".join(sorted(limits.pools)) or "none"
        raise bad("pool", f"expected a pool of the service's settings ({known}), got {pool!r}")


def _check_sizes(request: TaskRequest) -> None:
    words = [request.cmd] if isinstance(request.cmd, str) else request.cmd
    for word in words:
        _check_bytes("cmd", word)
    for name, value in request.env.items():
        _check_bytes("env", f"{name}={value}")
    if request.stop_command is not None:
        _check_bytes("stop_command", request.stop_command)


def _check_bytes(field: str, text: str) -> None:
    if len(text) * 4 > MAX_ARGUMENT and len(text.encode()) > MAX_ARGUMENT:
        raise bad(field, f"expected at most {MAX_ARGUMENT} bytes, got {len(text.encode())}")


def _command(request: TaskRequest, kind: WireType) -> str | tuple[str, ...]:
    if isinstance(request.cmd, str):
        if "\0" in request.cmd:
            raise bad("cmd", f"expected {EXPECTED['cmd']}")
        return request.cmd
    if kind in (WireType.MELANG, WireType.PYTHON):
        raise bad("cmd", f"expected a script's path with type {kind.value}, got a list")
    if not request.cmd[0]:
        raise bad("cmd", "expected the program as the first word, got an empty one")
    return tuple(request.cmd)


def _inherited(value: bool | list[str]) -> bool | tuple[str, ...]:
    return value if isinstance(value, bool) else _once_each(value)


def _umask(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value.removeprefix("0o"), 8)
    return value


def _limit(name: LimitName, limit: Limit) -> tuple[int | None, int | None]:
    if not isinstance(limit, list):
        return limit, limit
    soft, hard = limit
    if hard is not None and (soft is None or soft > hard):
        raise bad(
            "rlimits",
            f"expected a soft limit of {name.value} that is not above the hard one, "
            f"got [{'null' if soft is None else soft}, {hard}]",
        )
    return soft, hard


def _size(field: str, size: int | str | None) -> int | None:
    count = size_in_bytes(size)
    if count is not None and not 0 < count < 2**63:
        raise bad(field, f"expected a size from 1 byte to 8 EiB, got {size}")
    return count


def _limits(given: LimitsRequest | None) -> Limits:
    if given is None:
        return Limits()
    limits = Limits(
        memory_max=_size("limits.memory_max", given.memory_max),
        memory_high=_size("limits.memory_high", given.memory_high),
        cpu=given.cpu,
        pids=given.pids,
        memory_restart=_size("limits.memory_restart", given.memory_restart),
    )
    if limits.memory_high and limits.memory_max and limits.memory_high > limits.memory_max:
        raise bad("limits.memory_high", "expected no more than limits.memory_max")
    return limits


def _output(given: OutputRequest | None) -> Output:
    if given is None:
        return Output()
    return Output(
        segment_size=_size("output.segment_size", given.segment_size),
        quota=_size("output.quota", given.quota),
        max_age=given.max_age,
        segment_age=given.segment_age,
        compress=given.compress,
        separate=given.separate,
        keep=given.keep,
    )


def _sockets(given: list[SocketRequest]) -> tuple[Socket, ...]:
    for number, one in enumerate(given):
        check_address(f"sockets[{number}].address", one.address, path=True)
    if len({one.name for one in given}) < len(given):
        raise bad("sockets", "expected a name of its own for each")
    return tuple(Socket(one.name, one.address, one.activate) for one in given)


def _deps(given: list[str | DependencyRequest]) -> tuple[Dep, ...]:
    return tuple(dict.fromkeys(_dep(number, one) for number, one in enumerate(given)))


def _dep(number: int, given: str | DependencyRequest) -> Dep:
    if isinstance(given, str):
        return Dep(given)
    field = f"deps[{number}].pattern"
    if (given.until is Until.LOG_LINE) != (given.pattern is not None):
        raise bad(field, "expected a regular expression with until `log_line`, and only then")
    check_pattern(field, given.pattern)
    return Dep(given.task, given.until, given.pattern, given.required)


def _restart(given: RestartWhen | RestartRequest | None, kind: WireType) -> RestartPolicy | None:
    if given is None:
        return None
    if isinstance(given, RestartWhen):
        return RestartPolicy(given)
    usual = RestartWhen.ALWAYS if kind is WireType.DAEMON else RestartWhen.ON_FAILURE
    return RestartPolicy(
        given.when or usual,
        factor=given.factor,
        cap=given.cap,
        jitter=given.jitter,
        stable_after=given.stable_after,
        limit=given.limit,
        window=given.window,
        retries=given.retries,
    )


def _watch(given: WatchRequest | None) -> Watch | None:
    if given is None:
        return None
    return Watch(
        tuple(given.paths),
        tuple(given.include),
        tuple(given.exclude),
        given.debounce,
        given.cascade,
    )


def _check(field: str, given: CheckRequest | None) -> Check | None:
    if given is None:
        return None
    kinds = [kind for kind in KINDS if getattr(given, kind) not in (None, False)]
    if len(kinds) != 1:
        raise bad(field, f"expected exactly one of {', '.join(KINDS)}, got {len(kinds)} of them")
    kind = CheckKind(kinds[0])
    target = "" if kind is CheckKind.NOTIFY else getattr(given, kind)
    match kind:
        case CheckKind.HTTP:
            check_url(f"{field}.http", target)
        case CheckKind.TCP:
            check_address(f"{field}.tcp", target)
        case CheckKind.LOG_LINE:
            check_pattern(f"{field}.log_line", target)
    return Check(
        kind,
        target,
        period=given.period,
        timeout=given.timeout,
        successes=given.successes,
        failures=given.failures,
        delay=given.delay,
    )


def _signals(given: str | list[str]) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not all(re.fullmatch(SIGNAL, name) for name in names):
        raise bad("stop_signal", f"expected {EXPECTED['stop_signal']}")
    return tuple(name.removeprefix("SIG") for name in names)

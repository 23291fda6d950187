"""A Spec as the request that would make it, and with its secrets hidden."""

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from msgspec.structs import replace

from proctor.core.errors import ProctorError
from proctor.core.hosts import shown_deps
from proctor.core.spec import (
    Check,
    CheckKind,
    Dep,
    Limits,
    Output,
    RestartPolicy,
    RestartWhen,
    Spec,
    Until,
    Watch,
)

from .parts import (
    BlackoutRequest,
    CheckRequest,
    DependencyRequest,
    LimitsRequest,
    OutputRequest,
    RestartRequest,
    SocketRequest,
    WatchRequest,
)
from .task import TaskRequest
from .values import Limit, LimitName, WireType

R = TypeVar(
    "R", TaskRequest, LimitsRequest, OutputRequest, RestartRequest, WatchRequest, CheckRequest
)

HIDDEN = "***"


class HiddenValue(ProctorError):
    """What is shown instead of a secret is no value of it."""

    code = "hidden_value"


_SECRET = (
    r"(?i)PASS(WORD|WD|PHRASE)?($|_)|SECRET|TOKEN|CREDENTIAL|PRIVATE|_PWD$|"
    r"(API|ACCESS|AUTH|ENCRYPTION|SIGNING)_?KEY|(^|_)AUTH($|_)|_DSN$"
)


def is_secret(name: str, named: Collection[str]) -> bool:
    """Whether the value of a variable is not to be shown: it was `named` so, or looks so."""
    return name in named or re.search(_SECRET, name) is not None


def shown(spec: Spec) -> TaskRequest:
    """Return the request with the values of secret variables hidden."""
    named = spec.secret_env
    env = {k: HIDDEN if is_secret(k, named) else value for k, value in spec.env.items()}
    return replace(to_request(spec), env=env)


def with_secrets_of(request: TaskRequest, before: Spec) -> TaskRequest:
    """Return the request with each value that says "***" as it was before.

    Whoever reads a task, changes it and writes it back must not lose what was hidden.
    """
    env = {
        name: before.env[name] if value == HIDDEN and name in before.env else value
        for name, value in request.env.items()
    }
    return request if env == request.env else replace(request, env=env)


def check_hidden(request: TaskRequest, before: Mapping[str, str]) -> None:
    """Raise HiddenValue for a secret that says "***" and is none of the variables there are."""
    for name, value in request.env.items():
        if value == HIDDEN and name not in before and is_secret(name, request.secret_env):
            message = f"`env.{name}` is not valid: its value is hidden; give the real one"
            raise HiddenValue(message, field=f"env.{name}")


def to_request(spec: Spec) -> TaskRequest:
    """Return the request whose `to_spec` is this spec, but for a script's host."""
    schedule = spec.schedule
    request = TaskRequest(
        name=spec.name,
        type=WireType(spec.type.value),
        cmd=spec.cmd if isinstance(spec.cmd, str) else list(spec.cmd),
        replica=spec.replicas,
        description=spec.description,
        namespace=spec.namespace,
        labels=spec.labels,
        enabled=spec.enabled,
        user=spec.user,
        group=spec.group,
        groups=None if spec.groups is None else list(spec.groups),
        env=spec.env,
        env_files=list(spec.env_files),
        inherit_env=spec.inherit_env
        if isinstance(spec.inherit_env, bool)
        else list(spec.inherit_env),
        secret_env=list(spec.secret_env),
        cwd=spec.cwd,
        umask=None if spec.umask is None else f"{spec.umask:03o}",
        nice=spec.nice,
        oom_score_adj=spec.oom_score_adj,
        rlimits={LimitName(name): _limit(*pair) for name, pair in spec.rlimits.items()},
        limits=_limits(spec.limits),
        stdin=spec.stdin,
        tty=spec.tty,
        isolate=spec.isolate,
        interpreter=spec.interpreter,
        sockets=[SocketRequest(s.name, s.address, s.activate) for s in spec.sockets],
        output=_output(spec.output),
        deps=[_dep(dep) for dep in shown_deps(spec)],
        cron=schedule.cron,
        timezone=schedule.timezone,
        at=schedule.at,
        overlap=schedule.overlap,
        queue=schedule.queue,
        catch_up=schedule.catch_up,
        schedule_jitter=schedule.jitter,
        blackouts=[BlackoutRequest(*pair) for pair in schedule.blackouts],
        interval=spec.interval,
        restart=_restart(spec.restart_policy),
        timeout=spec.timeout,
        pool=spec.pool,
        priority=spec.priority,
        success_codes=None if spec.success_codes == (0,) else list(spec.success_codes),
        essential=spec.essential,
        watch=_watch(spec.watch),
        readiness=_check(spec.readiness),
        liveness=_check(spec.liveness),
        startup=_check(spec.startup),
        stop_signal=spec.stop_signals[0]
        if len(spec.stop_signals) == 1
        else list(spec.stop_signals),
        stop_timeout=spec.stop_timeout,
        stop_command=spec.stop_command,
        rolling=spec.rolling,
    )
    return _plain(request)


def _plain(request: R) -> R:
    """Return the request with each value that equals its default being the default itself.

    What is left out of JSON is told by identity (msgspec's omit_defaults), and a number or a text
    that was loaded from the store is an object of its own: it would be shown as if it were given.
    """
    known = zip(
        reversed(request.__struct_fields__), reversed(request.__struct_defaults__), strict=False
    )
    equal = {
        name: default
        for name, default in known
        if type(default) in (float, int, str) and getattr(request, name) == default
    }
    return replace(request, **equal) if equal else request


def _limit(soft: int | None, hard: int | None) -> Limit:
    return soft if soft == hard else [soft, hard]


def _limits(limits: Limits) -> LimitsRequest | None:
    if limits == Limits():
        return None
    request = LimitsRequest(
        memory_max=limits.memory_max,
        memory_high=limits.memory_high,
        cpu=limits.cpu,
        pids=limits.pids,
        memory_restart=limits.memory_restart,
    )
    return _plain(request)


def _output(output: Output) -> OutputRequest | None:
    if output == Output():
        return None
    request = OutputRequest(
        segment_size=output.segment_size,
        quota=output.quota,
        max_age=output.max_age,
        segment_age=output.segment_age,
        compress=output.compress,
        separate=output.separate,
        keep=output.keep,
    )
    return _plain(request)


def _dep(dep: Dep) -> str | DependencyRequest:
    if dep == Dep(dep.task):
        return dep.task
    return DependencyRequest(dep.task, Until(dep.until), dep.pattern, dep.required)


def _restart(policy: RestartPolicy | None) -> RestartWhen | RestartRequest | None:
    if policy is None or policy == RestartPolicy(policy.when):
        return None if policy is None else policy.when
    request = RestartRequest(
        when=policy.when,
        factor=policy.factor,
        cap=policy.cap,
        jitter=policy.jitter,
        stable_after=policy.stable_after,
        limit=policy.limit,
        window=policy.window,
        retries=policy.retries,
    )
    return _plain(request)


def _watch(watch: Watch | None) -> WatchRequest | None:
    if watch is None:
        return None
    request = WatchRequest(
        paths=list(watch.paths),
        include=list(watch.include),
        exclude=list(watch.exclude),
        debounce=watch.debounce,
        cascade=watch.cascade,
    )
    return _plain(request)


def _check(check: Check | None) -> CheckRequest | None:
    if check is None:
        return None
    target = True if check.kind is CheckKind.NOTIFY else check.target
    request = CheckRequest(
        **{check.kind.value: target},  # type: ignore[arg-type]
        period=check.period,
        timeout=check.timeout,
        successes=check.successes,
        failures=check.failures,
        delay=check.delay,
    )
    return _plain(request)

"""Script hosts as tasks of the world: which one runs a script, and what it is.

A script host is a task of ours, a daemon, whose name begins with `@`, so that no user's task can
have it.  A script depends on its host being ready, like on any other task.
"""

from __future__ import annotations

from msgspec.structs import replace

from .spec import Check, CheckKind, Dep, Limits, RestartPolicy, RestartWhen, Spec, TaskType, Until

INTERNAL = "@"
"""Begins the names of our own tasks, which are not shown."""

STAY_UP = RestartPolicy(RestartWhen.ALWAYS, factor=2.0, cap=30.0)
PAUSE = 0.25
"""Seconds before a host that ended is started again, the first time."""

# What belongs to a process: a script that asks for any of it needs a host of its own.
_OF_PROCESS = (
    *("user", "group", "groups", "cwd", "umask", "nice", "oom_score_adj", "rlimits", "limits"),
    *("inherit_env",),
)
_PLAIN = Spec("", TaskType.ONCE, "")


def is_internal(name: str) -> bool:
    return name.startswith(INTERNAL)


def has_own_host(spec: Spec) -> bool:
    """Whether the script gets a host of its own, because it asks for one or cannot share."""
    if spec.isolate or any(getattr(spec, n) != getattr(_PLAIN, n) for n in _OF_PROCESS):
        return True
    # Melang has no variables of the environment but for commands; in Python they are the process's.
    return spec.type is TaskType.PYTHON and bool(spec.env or spec.env_files)


def is_own_host(name: str) -> bool:
    """Whether the host of that name has the scripts of one task only."""
    return is_internal(name) and "." in name


def script_of(host: str) -> str:
    """Return the name of the task that an own host is for."""
    return host.partition(".")[2]


def host_of(spec: Spec) -> str | None:
    """Return the name of the host that the task's scripts run in; None if it is no script."""
    if not spec.type.is_script:
        return None
    if has_own_host(spec):
        return f"{INTERNAL}{spec.type}.{spec.name}"
    if spec.interpreter is not None:
        import hashlib  # For few tasks.

        digest = hashlib.sha256(spec.interpreter.encode("utf-8", "surrogateescape")).hexdigest()
        return f"{INTERNAL}{spec.type}-{digest[:12]}"
    return f"{INTERNAL}{spec.type}"


def with_host(spec: Spec) -> Spec:
    """Return the spec with the dependency on its host, if it needs one."""
    deps = tuple(dep for dep in spec.deps if not is_internal(dep.task))
    host = host_of(spec)
    if host is not None:
        deps += (Dep(host, Until.READY),)
    return spec if deps == spec.deps else replace(spec, deps=deps)


def shown_deps(spec: Spec) -> tuple[Dep, ...]:
    """Return the dependencies that the user gave."""
    return tuple(dep for dep in spec.deps if not is_internal(dep.task))


def host_spec(spec: Spec, command: tuple[str, ...]) -> Spec:
    """Return the host that runs the script `spec`; `command` is how that kind is started."""
    name = host_of(spec)
    assert name is not None
    host = Spec(
        name,
        TaskType.DAEMON,
        command,
        interval=PAUSE,
        restart_policy=STAY_UP,
        readiness=Check(CheckKind.NOTIFY),
        isolate=has_own_host(spec),
    )
    if not has_own_host(spec):
        return host
    return replace(
        host,
        user=spec.user,
        group=spec.group,
        groups=spec.groups,
        env=spec.env,
        env_files=spec.env_files,
        inherit_env=spec.inherit_env,
        secret_env=spec.secret_env,
        cwd=spec.cwd,
        umask=spec.umask,
        nice=spec.nice,
        oom_score_adj=spec.oom_score_adj,
        rlimits=_bounded(spec.rlimits, spec.limits),
        limits=spec.limits,
    )


def _bounded(
    rlimits: dict[str, tuple[int | None, int | None]], limits: Limits
) -> dict[str, tuple[int | None, int | None]]:
    """Add the bound on memory: of what it writes to (RLIMIT_DATA), not of what it maps."""
    if limits.memory_max is None or "data" in rlimits:
        return rlimits
    return rlimits | {"data": (limits.memory_max, limits.memory_max)}

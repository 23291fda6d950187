"""What the keeper is told to spawn: a spec turned into one frame."""

from __future__ import annotations

import resource
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TextIO

from proctor.core.errors import BadSpec
from proctor.core.spec import Check, CheckKind, Limits, Spec
from proctor.keeper.protocol import Frame

from .argv import argv_of
from .identity import Identity

KEPT_WITHOUT_INHERITANCE = ("PATH", "LANG", "TZ")
"""What a task that inherits no environment gets all the same: without PATH little runs."""


PERIOD = 100_000
"""Microseconds over which a share of CPU is reckoned: the kernel's default."""

TERM = "xterm-256color"
"""What a terminal is called where nothing else is said; nearly everything speaks that."""


class BadEnvironment(Exception):
    """An environment file cannot be read, or makes no sense; the message is one line."""


def order(
    spec: Spec,
    cmd: str | tuple[str, ...],
    identity: Identity | None,
    environ: Mapping[str, str],
    ours: dict[str, str],
) -> Frame:
    """Return the spawn frame, but for `run` and `mark`.

    `environ` is the service's environment, `ours` what Proctor tells the child of itself.
    Raises BadEnvironment.
    """
    own = identity.env if identity else {}
    env = inherited(spec, environ) | own | from_files(spec) | spec.env | ours
    if spec.tty:
        env.setdefault("TERM", TERM)
    return {
        "op": "spawn",
        "argv": argv_of(cmd),
        "env": env,
        "cwd": spec.cwd,
        "umask": spec.umask,
        "nice": spec.nice,
        "oom_score_adj": spec.oom_score_adj,
        "rlimits": [[limit_number(name), *pair] for name, pair in spec.rlimits.items()],
        "user": identity.order if identity else None,
    }


def own_variables(spec: Spec, index: int, run: int | None, mark: int | None) -> dict[str, str]:
    """Return what a process is told of itself; `run` and `mark` are None beside a run.

    The mark also tells a process by that changed its birth mark.
    """
    ours = {"PROCTOR_TASK": spec.name, "PROCTOR_REPLICA": str(index)}
    return ours if run is None else ours | {"PROCTOR_RUN": str(run), "PROCTOR_MARK": str(mark)}


def of_run(spec: Spec, index: int, mark: int, controllers: Collection[str]) -> Frame:
    """Return what of the order is for the run alone, not for commands beside it.

    `controllers` are those by which the keeper can limit.
    """
    files = cgroup_files(spec.limits, controllers)
    name = f"{spec.name}.{index}"
    return {
        "stdin": None if spec.stdin == "null" else spec.stdin,
        "tty": spec.tty,
        "separate": spec.output.separate,
        "cgroup": {"name": name, "mark": mark, "set": files} if files else None,
    }


def cgroup_files(limits: Limits, controllers: Collection[str]) -> dict[str, str]:
    """Return what is written to which file of a run's cgroup; nothing: it needs none.

    Source: Documentation/admin-guide/cgroup-v2.rst.  When memory runs out the run is killed as a
    whole: half of it would be of no use to anybody.
    """
    files = {
        "memory.max": limits.memory_max,
        "memory.high": limits.memory_high,
        "memory.oom.group": 1 if limits.memory_max else None,
        "cpu.max": f"{max(1000, round(limits.cpu * PERIOD))} {PERIOD}" if limits.cpu else None,
        "pids.max": limits.pids,
    }
    return {
        file: str(value)
        for file, value in files.items()
        if value is not None and file.partition(".")[0] in controllers
    }


def inherited(spec: Spec, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of the service's environment the task gets to see."""
    if spec.inherit_env is True:
        return dict(environ)
    names = KEPT_WITHOUT_INHERITANCE if spec.inherit_env is False else spec.inherit_env
    return {name: environ[name] for name in names if name in environ}


def from_files(spec: Spec) -> dict[str, str]:
    """Return what the spec's env_files say, later ones on top; `-path` may be missing."""
    found: dict[str, str] = {}
    for name in spec.env_files:
        found |= _read(Path(name.removeprefix("-")), optional=name.startswith("-"))
    return found


def _read(path: Path, *, optional: bool) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _variables(path, file)
    except FileNotFoundError:
        if optional:
            return {}
        raise BadEnvironment(f"env file {path}: No such file or directory") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BadEnvironment(f"env file {path}: {why}") from None


def _variables(path: Path, file: TextIO) -> dict[str, str]:
    """Return what the file sets.  A line that says nothing is no comment, but a mistake."""
    # Not dotenv_values: that drops what it does not understand, and goes on.
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    for binding in parse_stream(file):
        name, value = binding.key, binding.value
        # `export NAME` may follow `NAME=value`; else a name alone sets nothing.
        if binding.error or (name is not None and value is None and name not in found):
            text, line = binding.original
            line += text[: len(text) - len(text.lstrip())].count("\n")
            raise BadEnvironment(
                f"env file {path}: line {line} makes no sense, expected NAME=value; "
                "quotes have to be closed, with nothing behind them"
            )
        if name is None or value is None:
            continue
        if "\0" in name or "\0" in value:
            raise BadEnvironment(f"env file {path}: {name!r} holds a NUL byte")
        found[name] = value
    return found


def uses_notify(spec: Spec) -> bool:
    """Whether a check listens to what the run says of itself."""
    checks: tuple[Check | None, ...] = (spec.startup, spec.readiness, spec.liveness)
    return any(check is not None and check.kind is CheckKind.NOTIFY for check in checks)


def limit_number(name: str) -> int:
    """Return the resource number of "nofile" and its like.  Raises BadSpec."""
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None or not name.islower():
        raise BadSpec(f"rlimits: there is no limit {name!r}", field="rlimits")
    return int(number)

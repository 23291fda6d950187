"""The fields of a task as options of a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from .options import Duration

TYPES = ("once", "daemon", "cron", "melang", "python")
SECONDS = Duration()
CHECKS = ("exec", "http", "tcp", "log_line", "notify", "file")

FIELD_OPTIONS = [
    click.option(
        "--type",
        type=click.Choice(TYPES),
        help="Default: daemon; cron with --cron, once with --at.",
    ),
    click.option("--replica", type=click.IntRange(min=1), help="How many processes."),
    click.option("--description", help="For people."),
    click.option("--namespace", "--ns", "namespace", help="A group to select by."),
    click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="To select by."),
    click.option("--disabled", is_flag=True, help="Neither starts by itself nor by its schedule."),
    click.option("--user", help="Whom it runs as."),
    click.option("--group", help="Its group."),
    click.option("--groups", multiple=True, metavar="GROUP", help="Supplementary groups."),
    click.option("--env", "-e", multiple=True, metavar="NAME=VALUE", help="A variable."),
    click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Variables."),
    click.option("--secret", "secret_env", multiple=True, metavar="NAME", help="Never shown."),
    click.option("--clear-env", is_flag=True, help="Nothing of the service's environment."),
    click.option("--cwd", help="Its working directory (default: the current one)."),
    click.option("--umask", help='Octal digits ("022").'),
    click.option("--nice", type=click.IntRange(-20, 19), help="Its priority."),
    click.option(
        "--rlimit", "rlimits", multiple=True, metavar="NAME=SOFT[:HARD]", help="nofile=4096"
    ),
    click.option("--memory-max", metavar="SIZE", help="Memory above which it is killed (512M)."),
    click.option("--cpu", type=float, help="CPUs; 0.5 is half of one."),
    click.option("--pids", type=click.IntRange(min=1), help="The most processes and threads."),
    click.option("--stdin", help="null, pipe, or a file's path."),
    click.option("--tty", is_flag=True, help="Give it a terminal, to attach to."),
    click.option(
        "--socket",
        "sockets",
        multiple=True,
        metavar="NAME=ADDRESS",
        help="A socket that outlives its restarts (http=127.0.0.1:8080).",
    ),
    click.option("--on-demand", is_flag=True, help="Started by the first connection."),
    click.option("--dep", "deps", multiple=True, metavar="TASK[:UNTIL]", help="What it waits for."),
    click.option("--cron", help="When it runs, as in crontab(5)."),
    click.option("--timezone", "--tz", "timezone", help="The IANA zone of --cron."),
    click.option("--at", help="Run once, then: a date, or +30s, +5m, +2h."),
    click.option("--overlap", type=click.Choice(["skip", "queue", "replace", "allow"])),
    click.option("--catch-up", "catch_up", type=click.Choice(["none", "last", "all"])),
    click.option("--interval", type=SECONDS, help="From an exit to the next start."),
    click.option("--restart", type=click.Choice(["always", "on-failure", "never"])),
    click.option("--run-timeout", "run_timeout", type=SECONDS, help="The longest run."),
    click.option("--pool", help="A pool whose slots bound how much runs at a time."),
    click.option("--priority", type=int, help="Who gets a pool's slot first."),
    click.option("--success-code", "success_codes", type=int, multiple=True, help="Besides 0."),
    click.option("--essential", is_flag=True, help="The service ends when it fails for good."),
    click.option(
        "--readiness", metavar="KIND=TARGET", help="http=URL, tcp=HOST:PORT, exec=CMD ..."
    ),
    click.option("--liveness", metavar="KIND=TARGET", help="Restarted when this fails."),
    click.option("--stop-signal", "stop_signal", multiple=True, help="TERM, INT ..."),
    click.option("--stop-timeout", "stop_timeout", type=SECONDS, help="Then SIGKILL."),
    click.option("--stop-command", "stop_command", help="Run before the signals."),
]


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the options say; what was not given is left out.

    Raises click.UsageError.
    """
    fields = {key: value for key, value in given.items() if value not in (None, (), False)}
    fields = {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}
    for key in ("labels", "env"):
        if key in fields:
            fields[key] = dict(_pair(f"--{key.removesuffix('s')}", text) for text in fields[key])
    if "rlimits" in fields:
        fields["rlimits"] = dict(_rlimit(text) for text in fields["rlimits"])
    if "deps" in fields:
        fields["deps"] = [_dep(text) for text in fields["deps"]]
    for key in ("readiness", "liveness"):
        if key in fields:
            fields[key] = _check(f"--{key}", fields[key])
    if "success_codes" in fields:
        fields["success_codes"] = sorted({0, *fields["success_codes"]})
    _rename(fields)
    return fields


def _rename(fields: dict[str, Any]) -> None:
    """Bring what options say in other words into the API's."""
    if fields.pop("disabled", False):
        fields["enabled"] = False
    if fields.pop("clear_env", False):
        fields["inherit_env"] = False
    if "run_timeout" in fields:
        fields["timeout"] = fields.pop("run_timeout")
    limits = {key: fields.pop(key) for key in ("memory_max", "cpu", "pids") if key in fields}
    if limits:
        fields["limits"] = limits
    on_demand = {"activate": True} if fields.pop("on_demand", False) else {}
    if "sockets" in fields:
        pairs = (_pair("--socket", text) for text in fields["sockets"])
        fields["sockets"] = [{"name": n, "address": a, **on_demand} for n, a in pairs]
    by_schedule = "cron" if "cron" in fields else "once" if "at" in fields else "daemon"
    fields.setdefault("type", by_schedule)
    if "cwd" in fields:
        fields["cwd"] = os.path.abspath(fields["cwd"])
    if "env_files" in fields:
        fields["env_files"] = [os.path.abspath(path) for path in fields["env_files"]]


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{option}: expected NAME=VALUE, got {text!r}")
    return name, value


def _rlimit(text: str) -> tuple[str, int | Sequence[int | None] | None]:
    name, value = _pair("--rlimit", text)
    soft, colon, hard = value.partition(":")
    try:
        return name, [_limit(soft), _limit(hard)] if colon else _limit(soft)
    except ValueError:
        message = f"--rlimit: expected numbers or unlimited, got {value!r}"
        raise click.UsageError(message) from None


def _limit(text: str) -> int | None:
    return None if text in ("unlimited", "infinity") else int(text)


def _dep(text: str) -> str | dict[str, str]:
    name, colon, until = text.partition(":")
    return {"task": name, "until": until} if colon else name


def _check(option: str, text: str) -> dict[str, Any]:
    """Return a check from "http=http://...", or "notify"."""
    kind, _, target = text.partition("=")
    kind = kind.replace("-", "_")
    if kind not in CHECKS:
        raise click.UsageError(f"{option}: expected one of {', '.join(CHECKS)}, got {kind!r}")
    return {kind: True if kind == "notify" else target}

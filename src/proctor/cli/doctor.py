"""`proctor doctor`: what is wrong around here, and what to do about it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import click
from msgspec import Struct

import proctor
from proctor.client.errors import ClientError, NotReachable
from proctor.client.models import Info
from proctor.client.sync import Client

from .options import json_option
from .output import emit_json, on_terminal, paint, printable, table
from .settle import LOST
from .words import duration, plural, size

Verdict = Literal["ok", "warning", "fault"]
COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}
SIGNS = {"ok": "✓", "warning": "!", "fault": "✗"}
FEW_DESCRIPTORS = 4096
LITTLE_SPACE = 256 << 20


class Finding(Struct, frozen=True):
    """What was looked at, what was found, and what to do if it is not well."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Look for what is wrong: the service, its folder, limits, space, and tasks in trouble.

    Exits with 1 if something is wrong, with 3 if no service answers.
    """
    try:
        with Client(timeout=5.0) as client:
            findings = [*here(), *service(client)]
            lost = False
    except ClientError as error:
        lost = isinstance(error, NotReachable)
        first, _, advice = str(error).partition("\n")
        findings = [*here(), Finding("service", "fault", first, advice)]
    _print(findings, as_json)
    if lost:
        raise SystemExit(3)
    raise SystemExit(any(finding.verdict == "fault" for finding in findings))


def here() -> Iterator[Finding]:
    """Yield what can be seen without the service."""
    python = platform.python_version()
    yield Finding("version", "ok", f"proctor {proctor.__version__}, Python {python}")
    yield from _state_dir()
    yield _descriptors(resource.getrlimit(resource.RLIMIT_NOFILE))


def _state_dir() -> Iterator[Finding]:
    from proctor import config

    try:
        path = config.load().state_dir
    except config.ConfigError as error:
        yield Finding("state directory", "fault", str(error))
        return
    if not path.exists():
        found = f"{path} is not there yet"
        yield Finding("state directory", "ok", found, "`proctor serve` makes it")
        return
    yield _rights(path)
    yield _space(path, shutil.disk_usage(path).free)


def _rights(path: Path) -> Finding:
    found = path.stat()
    if found.st_uid != os.geteuid():
        text = f"{path} belongs to user {found.st_uid}"
        return Finding("state directory", "warning", text, "run as that user, or as root")
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Finding("state directory", "warning", f"{path} is open to others", "chmod 700 it")
    return Finding("state directory", "ok", str(path))


def _space(path: Path, free: int) -> Finding:
    if free < LITTLE_SPACE:
        return Finding("disk", "fault", f"{size(free)} left at {path}", "make room, or move it")
    return Finding("disk", "ok", f"{size(free)} free at {path}")


def _descriptors(limits: tuple[int, int]) -> Finding:
    soft, hard = limits
    if hard != resource.RLIM_INFINITY and hard < FEW_DESCRIPTORS:
        advice = "raise it (`ulimit -Hn`, LimitNOFILE=): each replica takes a few"
        return Finding("descriptors", "warning", f"at most {hard}", advice)
    most = "no bound" if hard == resource.RLIM_INFINITY else str(hard)
    return Finding("descriptors", "ok", f"{soft}, at most {most}")


def service(client: Client) -> Iterator[Finding]:
    """Yield what the service says.  Raises ClientError."""
    info = client.info()
    place = str(client.transport.endpoint)
    text = f"{place}, pid {info.pid}, up for {duration(info.uptime)}"
    yield Finding("service", "ok", text)
    yield _version(info)
    yield _limits(info)
    yield _health(client)
    yield from _tasks(client)


def _version(info: Info) -> Finding:
    if info.version == proctor.__version__:
        return Finding("service's version", "ok", info.version)
    text = f"{info.version}, but this is {proctor.__version__}"
    return Finding("service's version", "warning", text, "`proctor reload` makes it the new one")


def _limits(info: Info) -> Finding:
    if "cgroup" in info.limits and "no" not in info.limits.split():
        return Finding("limits", "ok", f"enforced by {info.limits}")
    text = f"not enforced by the kernel ({info.limits or 'unknown'})"
    advice = "run the service where it may write a cgroup (systemd: Delegate=yes)"
    return Finding("limits", "warning", text, advice)


def _health(client: Client) -> Finding:
    try:
        status = client.health().status
    except ClientError as error:
        return Finding("health", "fault", str(error))
    if status == "ok":
        return Finding("health", "ok", "it does its work")
    return Finding("health", "fault", status, "see the service's log")


def _tasks(client: Client) -> Iterator[Finding]:
    tasks = client.tasks()
    troubled = [task for task in tasks if task.state in LOST]
    if not troubled:
        yield Finding("tasks", "ok", f"{plural(len(tasks), 'task')}, none in trouble")
    for task in troubled:
        text = f"{task.name} is {task.state}: {task.reason}"
        yield Finding("tasks", "fault", text, f"proctor describe {task.name}")


def _print(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        emit_json(findings)
        return
    if not on_terminal():
        rows = [(f.check, f.verdict, f.found, f.advice) for f in findings]
        table(("CHECK", "VERDICT", "FOUND", "ADVICE"), rows, {})
        return
    for finding in findings:
        sign = paint(SIGNS[finding.verdict], COLOURS[finding.verdict])
        click.echo(f"{sign} {finding.check.ljust(18)} {printable(finding.found)}")
        if finding.advice:
            click.echo(paint(f"  {''.ljust(18)} → {finding.advice}", "cyan"))

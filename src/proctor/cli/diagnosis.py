"""What a reason means, and what one can do about it.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from proctor.client.models import Task

HINTS: tuple[tuple[str, str], ...] = (
    (
        r"no such file: (?P<what>.+) \(looked in PATH",
        "`{what}` is in none of these folders: install it, give its whole path in `cmd`, or set "
        "`env.PATH`.",
    ),
    (r"no such file: (?P<what>.+)", "There is no file {what}: correct `cmd`, or put it there."),
    (
        r"not executable: (?P<what>.+)",
        "{what} may not be executed: `chmod +x {what}`, or name its interpreter in `cmd`.",
    ),
    (r"is a directory: (?P<what>.+)", "`cmd` names a folder: name the program in it."),
    (
        r"(?P<what>.+): bad interpreter (?P<other>.+)",
        "The first line of {what} (`#!{other}`) names a program that is not here: correct it, or "
        "look whether the file has Windows line ends.",
    ),
    (
        r"(?P<what>.+): the loader it was linked for is missing",
        "{what} was built for another system (libc or CPU).",
    ),
    (
        r"cwd (?P<what>.+): No such file or directory",
        "The working directory {what} does not exist: create it, or correct `cwd`.",
    ),
    (
        r"cwd (?P<what>.+): Permission denied",
        "Its user may not enter {what}: see the folder's rights, `user` and `cwd`.",
    ),
    (
        r"env file (?P<what>.+?): ",
        "It was not started, for want of its environment: mend {what}, or correct `env_files`.",
    ),
    (
        r"stdin (?P<what>.+?): ",
        "It was not started, for want of its input: put {what} there, or correct `stdin`.",
    ),
    (
        r"user (?P<what>.+) does not exist here",
        "Create the user {what}, or correct `user`.",
    ),
    (
        r"group (?P<what>.+) does not exist here",
        "Create the group {what}, or correct `group`.",
    ),
    (
        r"only root may switch",
        "Run the service as root, or leave `user`, `group` and `groups` away.",
    ),
    (
        r"start-limit (?P<what>\d+) in (?P<other>\S+)s",
        "It began {what} times within {other} seconds and was given up. Mend what ends "
        "it (see its log below), then `proctor start {task}`.",
    ),
    (
        r"after (?P<what>\d+) retries",
        "It was tried again {what} times. Mend what ends it, then `proctor start {task}`.",
    ),
    (
        r"oom: killed|over memory_max",
        "It takes more memory than `limits.memory_max` allows: raise that, or see why it does.",
    ),
    (
        r"over memory_restart",
        "It is restarted when it takes more memory than `limits.memory_restart`: raise that, or "
        "see why it does.",
    ),
    (
        r"the service's limit of \d+ \(ulimit -n\)",
        "Start the service with more descriptors (`ulimit -Hn`, `LimitNOFILE=` of systemd), or run "
        "less.",
    ),
    (r"timeout after", "The run took longer than `timeout` allows."),
    (
        r"readiness: (?P<what>.+)",
        "It runs, but its readiness check does not succeed: {what}.",
    ),
    (r"check failed", "It was restarted because a check says that it does not work any more."),
    (r"exited 126", "The shell found the command but may not execute it: see its rights."),
    (r"exited 127", "The shell did not find the command: see `cmd` and PATH."),
    (
        r"killed by signal 9\b",
        "Somebody, or the kernel for want of memory, killed it: see `dmesg`.",
    ),
    (r"killed by signal 11\b", "It crashed (segmentation fault)."),
    (
        r"the pool (?P<what>\S+) has no free slot",
        "It waits until something else in the pool {what} has ended.",
    ),
)

LOG_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"(?i)address already in use|EADDRINUSE|bind.*in use",
        "Another process has its port{port}: find it with `ss -ltnp{grep}`, and stop it, or choose "
        "another port.",
    ),
    (r"(?i)permission denied|EACCES", "Something is denied to it: see `user` and the rights."),
    (r"(?i)no space left on device|ENOSPC", "The disk is full."),
    (r"(?i)too many open files|EMFILE", "It needs more descriptors: raise `rlimits.nofile`."),
    (r"(?i)out of memory|MemoryError|ENOMEM", "It lacks memory: see `limits` and the machine."),
    (r"(?i)connection refused|ECONNREFUSED", "What it connects to does not answer."),
)
_PORT = re.compile(r"(?:port\D{0,3}|:)(\d{2,5})\b")
_TROUBLED = frozenset({"failed", "backoff", "blocked", "starting"})

SAYINGS = {
    "running": "It runs as it should.",
    "scheduled": "It is not running because it runs by its schedule.",
    "completed": "It is not running because its last run ended well.",
    "stopped": "It is not running because it was stopped, or never started.",
    "disabled": "It is not running because it is disabled.",
    "waiting": "It is not running because it waits for something else.",
    "blocked": "It is not running because what it waits for will not come by itself.",
    "starting": "It is being started, or not ready yet.",
    "stopping": "It is being stopped.",
    "removing": "It is being stopped, and will be forgotten.",
    "backoff": "It ended and will be started again.",
    "failed": "It is not running because it failed and is not tried again.",
}

_ENDS = "It ends by itself: its output may say why (`proctor logs {task}`)."

TO_DO = {
    "completed": "Run it again with `proctor run {task}`.",
    "stopped": "Start it with `proctor start {task}`.",
    "disabled": "Let it run again with `proctor enable {task}`.",
    "scheduled": "Run it now with `proctor run {task}`.",
}


def saying(task: Task) -> str:
    """Say in a sentence how the task is."""
    return SAYINGS.get(task.state, f"Its state is {task.state}.")


def advice(task: Task, log: Sequence[str]) -> list[str]:
    """Return sentences on what is the matter and what to do, from reasons and the last output."""
    found = list(_from_reasons(task))
    if task.state in _TROUBLED:
        found += _from_log(log)
    if not found and task.state in ("failed", "backoff"):
        found.append(_ENDS.format(task=task.name))
    if not found and task.state in TO_DO:
        found.append(TO_DO[task.state].format(task=task.name))
    return list(dict.fromkeys(found))


def _from_blockers(task: Task) -> Iterator[str]:
    """Say of each task that is waited for where to look; its own reason is not this task's."""
    for blocker in task.blockers:
        name, _, why = blocker.partition(" ")
        if why.startswith("is stopped"):
            yield f"{name} was stopped, so this waits: `proctor start {name}`."
        elif why.startswith("does not exist"):
            yield f"Make the task {name} (`proctor add {name} ...`), or correct `deps`."
        elif task.state == "blocked":
            yield f"Mend {name} first: `proctor describe {name}`."
        else:
            yield f"It starts as soon as it may; on {name}: `proctor describe {name}`."


def _from_reasons(task: Task) -> Iterator[str]:
    if task.blockers:
        yield from _from_blockers(task)
        return
    reasons = [task.reason, *(r.reason for r in task.replicas)]
    if task.state in _TROUBLED:
        reasons += [r.last_exit.text for r in task.replicas if r.last_exit is not None]
    for reason in dict.fromkeys(reasons):
        for pattern, hint in HINTS:
            if match := re.search(pattern, reason):
                yield hint.format(task=task.name, **match.groupdict())
                break


def _from_log(log: Sequence[str]) -> Iterator[str]:
    for pattern, hint in LOG_HINTS:
        for line in reversed(log):
            if re.search(pattern, line):
                port = _PORT.search(line)
                yield hint.format(
                    port=f" {port[1]}" if port else "",
                    grep=f" | grep :{port[1]}" if port else "",
                )
                break

"""Between fork and exec: the child becomes what its order says.

Rule: nothing here returns; it ends in exec, or in `_exit` after telling the parent why.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from . import stdio
from .launch import SIGNALS
from .program import NotSpawned, Order, enter, execute, tried
from .stdio import Stdio

FIRST_LISTENER = 3  # Source: sd_listen_fds(3), SD_LISTEN_FDS_START


class Means:
    """What the keeper lends to the child: /dev/null, listening sockets, a cgroup's cgroup.procs.

    `restore` gives back the limits that the keeper changed for itself, and sets the birth mark.
    """

    __slots__ = ("cgroup", "listeners", "null", "restore")

    def __init__(
        self, null: int, restore: Callable[[], None], listeners: Sequence[int], cgroup: str | None
    ) -> None:
        self.null = null
        self.restore = restore
        self.listeners = listeners
        self.cgroup = cgroup


def become(order: Order, ends: Stdio, means: Means, tell: int) -> NoReturn:
    """Exec what is ordered; what is wrong is written to `tell` as [errno, what]."""
    try:
        os.setsid()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _connect(ends, means)
        tell = _pass_listeners(order, means.listeners, tell)
        if means.cgroup is not None:
            tried(f"cgroup {means.cgroup}", partial(_write, means.cgroup, "0"))
        means.restore()
        _change(order)
        enter(order.get("cwd"))
        _open_input(order)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        execute(order, os.execve)
    except NotSpawned as error:
        os.write(tell, json.dumps([error.errno, error.what]).encode())
    except BaseException as error:
        os.write(tell, json.dumps([errno.EINVAL, f"{type(error).__name__}: {error}"]).encode())
    finally:
        os._exit(127)


def _connect(ends: Stdio, means: Means) -> None:
    if ends.terminal:
        tried("terminal", lambda: stdio.control(ends.output))
    for to, fd in enumerate((ends.input, ends.output, ends.error)):
        os.dup2(means.null if fd < 0 else fd, to)


def _open_input(order: Order) -> None:
    """With the rights that the process has then: a file that is not its own stays closed to it."""
    path = order.get("stdin")
    if path and path != stdio.PIPE and not order.get("tty"):
        os.dup2(stdio.open_input(path), 0)


def _pass_listeners(order: Order, listeners: Sequence[int], tell: int) -> int:
    """Put the sockets at 3, 4 ... and name them; return the number that `tell` has moved to."""
    if not listeners:
        return tell
    above = FIRST_LISTENER + len(listeners)
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in (tell, *listeners)]
    for to, fd in enumerate(moved[1:], FIRST_LISTENER):
        os.dup2(fd, to)
    names = ":".join(name for _, name in order["listen"])
    count = {"LISTEN_FDS": str(len(listeners)), "LISTEN_PID": str(os.getpid())}
    order["env"] = order["env"] | count | {"LISTEN_FDNAMES": names}
    return moved[0]


def _change(order: Order) -> None:
    """Become what the order says, the most privileged steps first."""
    if (nice := order.get("nice")) is not None:
        tried(f"nice {nice}", lambda: os.setpriority(os.PRIO_PROCESS, 0, nice))
    if (score := order.get("oom_score_adj")) is not None:
        tried(f"oom_score_adj {score}", partial(_write, "/proc/self/oom_score_adj", str(score)))
    for number, *limits in order.get("rlimits") or ():
        soft, hard = (resource.RLIM_INFINITY if n is None else n for n in limits)
        step = f"rlimit {_limit_name(number)} {soft}:{hard}"
        tried(step, partial(_limit, number, soft, hard))
    if user := order.get("user"):
        groups, gid, uid = user["groups"], user["gid"], user["uid"]
        tried(f"setgroups {groups}", lambda: os.setgroups(groups))
        tried(f"setgid {gid}", lambda: os.setresgid(gid, gid, gid))
        tried(f"setuid {uid}", lambda: os.setresuid(uid, uid, uid))
    if order.get("umask") is not None:
        os.umask(order["umask"])


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _limit(number: int, soft: int, hard: int) -> None:
    try:
        resource.setrlimit(number, (soft, hard))
    except ValueError as error:  # What Python makes of EINVAL and of "not allowed to raise".
        raise OSError(errno.EPERM, str(error)) from error


def _limit_name(number: int) -> str:
    names = [n for n in dir(resource) if n.startswith("RLIMIT_")]
    return next((n[7:].lower() for n in names if getattr(resource, n) == number), str(number))

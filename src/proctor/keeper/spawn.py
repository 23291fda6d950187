"""Starting a process as ordered, or saying exactly why not.

Two ways: posix_spawn (vfork inside, cheap) with the keeper's own cwd, umask and mark changed around
it, which only a single-threaded process can do; and fork, where the child has to change what
cannot be changed back: user, priority, limits.  Limits always go by fork: with a RLIMIT_CPU of its
task the keeper itself would be killed, with a RLIMIT_NOFILE it could not even dup2.  So do a
terminal, a file as input, listening sockets (LISTEN_PID is the child's own) and a cgroup.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
from collections.abc import Mapping
from functools import partial

from . import child, slack, stdio
from .launch import SIGNALS
from .limits import Cgroups
from .program import NotSpawned, Order, enter, execute, tried
from .room import refusal
from .stdio import Stdio
from .tree import RLIMIT_LOCKS

_BY_FORK = ("user", "rlimits", "listen", "tty", "cgroup")


class Spawner:
    """Spawns, and remembers how the keeper itself must look between two spawns.

    `store` are the descriptors that the manager had kept; listening sockets are among them.
    """

    def __init__(self, files: int | None = None, store: Mapping[str, int] | None = None) -> None:
        """`files` is the soft RLIMIT_NOFILE that processes get, None for ours as it is now.

        Ours is raised: the keeper holds a pipe a run.  The child's must not be, programs take it
        for the number of descriptors to walk through.  posix_spawn refuses a descriptor above the
        limit that is in force, so the pipes' ends go by low numbers, `_ends`.
        """
        self.cgroups = Cgroups()
        self._store = {} if store is None else store
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._ends = [fcntl.fcntl(self._null, fcntl.F_DUPFD_CLOEXEC, 3) for _ in range(3)]
        self._home = os.open(".", os.O_PATH | os.O_CLOEXEC)
        self._locks = resource.getrlimit(RLIMIT_LOCKS)
        soft, self._most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.files = soft if files is None else files
        self._limit_files(self._most_files)

    def _limit_files(self, soft: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self._most_files))

    def has_room(self) -> bool:
        """Whether there are descriptors left for another run."""
        try:
            probe = os.dup(self._null)
        except OSError:
            return False
        os.close(probe)
        return refusal(probe, self._most_files, 0) is None

    def spawn(self, order: Order) -> tuple[int, Stdio]:
        """Return (pid, its ends: what is to be kept of them is open).

        `order` is a `spawn` frame.  Raises NotSpawned.
        """
        user = order.get("user")
        ends = stdio.make(order)
        try:
            if full := refusal(max(ends.outs), self._most_files, order["run"]):
                raise NotSpawned(errno.EMFILE, full)
            if user:
                tried(f"pipes for user {user['uid']}", partial(ends.give, user["uid"]))
            pid = self._fork(order, ends) if _by_fork(order) else self._posix_spawn(order, ends)
        except BaseException:
            ends.failed()
            raise
        finally:
            ends.started()
        return pid, ends

    def _posix_spawn(self, order: Order, ends: Stdio) -> int:
        given = (ends.input, ends.output, ends.error)
        for fd, low in zip(given, self._ends, strict=True):
            if fd >= 0:
                os.dup2(fd, low, inheritable=False)
        actions = [(os.POSIX_SPAWN_DUP2, low, to) for to, low in enumerate(self._ends)]

        def start(path: str, argv: list[str], env: dict[str, str]) -> int:
            return os.posix_spawn(
                path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=SIGNALS
            )

        mask = os.umask(0o22)
        os.umask(mask if order.get("umask") is None else order["umask"])
        try:
            self._set_mark(order["mark"])
            enter(order.get("cwd"))
            self._limit_files(self.files)
            pid: int = execute(order, start)
            return pid
        finally:
            slack.restore()
            self._limit_files(self._most_files)
            os.umask(mask)
            os.fchdir(self._home)
            resource.setrlimit(RLIMIT_LOCKS, self._locks)
            for fd, low in zip(given, self._ends, strict=True):
                if fd >= 0:
                    os.dup2(self._null, low, inheritable=False)  # Or the pipes would have no end.

    def _set_mark(self, mark: int) -> None:
        slack.give(mark)
        # A hard limit below the mark: the environment marker and the parent links must do.
        hard = self._locks[1]
        if hard == resource.RLIM_INFINITY or mark <= hard:
            resource.setrlimit(RLIMIT_LOCKS, (mark, hard))

    def _restore(self, mark: int) -> None:
        self._set_mark(mark)
        self._limit_files(self.files)

    def _means(self, order: Order) -> child.Means:
        listeners = [self._listener(kept) for kept, _ in order.get("listen") or ()]
        cgroup = self.cgroups.made(order["cgroup"]) if order.get("cgroup") else None
        return child.Means(self._null, partial(self._restore, order["mark"]), listeners, cgroup)

    def _listener(self, name: str) -> int:
        try:
            return self._store[name]
        except KeyError:
            raise NotSpawned(errno.EBADF, f"socket {name}: it is not open") from None

    def _fork(self, order: Order, ends: Stdio) -> int:
        means = self._means(order)
        news, tell = tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = tried("fork", os.fork)
            if pid == 0:
                child.become(order, ends, means, tell)
        except BaseException:
            os.close(news)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(tell)
        with open(news, "rb") as pipe:
            error = pipe.read()  # Ends when exec closes the child's end.
        if error:
            os.waitpid(pid, 0)
            self.cgroups.drop(order.get("cgroup"))
            raise NotSpawned(*json.loads(error))
        return pid


def _by_fork(order: Order) -> bool:
    stdin = order.get("stdin")
    own = (order.get("nice"), order.get("oom_score_adj")) != (None, None)
    file = bool(stdin) and stdin != stdio.PIPE
    return own or file or any(order.get(name) for name in _BY_FORK)

"""Starting a process as ordered, or saying exactly why not.

Two ways: posix_spawn (vfork inside, cheap) with the keeper's own cwd, umask and mark changed around
it, which only a single-threaded process can do; and fork, where the child has to change what
cannot be changed back: user, priority, limits.  Limits always go by fork: with a RLIMIT_CPU of its
task the keeper itself would be killed, with a RLIMIT_NOFILE it could not even dup2.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from .tree import RLIMIT_LOCKS

Order = dict[str, Any]
T = TypeVar("T")
SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class NotSpawned(Exception):
    """No process came to be: `errno`, and `what` names the step and the thing."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.errno = number
        self.what = what


class Spawner:
    """Spawns, and remembers how the keeper itself must look between two spawns."""

    def __init__(self, files: int | None = None) -> None:
        """`files` is the soft RLIMIT_NOFILE that processes get, None for ours as it is now.

        Ours is raised: the keeper holds a pipe a run.  The child's must not be, programs take it
        for the number of descriptors to walk through.  posix_spawn refuses a descriptor above the
        limit that is in force, so the pipe's end goes by a low number, `_end`.
        """
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._end = fcntl.fcntl(self._null, fcntl.F_DUPFD_CLOEXEC, 3)
        self._home = os.open(".", os.O_PATH | os.O_CLOEXEC)
        self._locks = resource.getrlimit(RLIMIT_LOCKS)
        soft, self._most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.files = soft if files is None else files
        self._limit_files(self._most_files)

    def _limit_files(self, soft: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, self._most_files))

    def spawn(self, order: Order) -> tuple[int, int]:
        """Return (pid, read end of its output); `order` is a `spawn` frame.  Raises NotSpawned."""
        user = order.get("user")
        out, end = _tried("pipe", _output_pipe)
        own = (order.get("nice"), order.get("oom_score_adj"))
        by_fork = user or order.get("rlimits") or own != (None, None)
        try:
            if user:  # Who could not open /dev/stdout otherwise.
                step = f"output pipe for user {user['uid']}"
                _tried(step, partial(os.fchown, end, user["uid"], -1))
            pid = self._fork(order, end) if by_fork else self._posix_spawn(order, end)
        except BaseException:
            os.close(out)
            raise
        finally:
            os.close(end)
        return pid, out

    def _posix_spawn(self, order: Order, end: int) -> int:
        os.dup2(end, self._end, inheritable=False)
        ends = enumerate((self._null, self._end, self._end))
        actions = [(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in ends]

        def start(path: str, argv: list[str], env: dict[str, str]) -> int:
            return os.posix_spawn(
                path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=SIGNALS
            )

        mask = os.umask(0o22)
        os.umask(mask if order.get("umask") is None else order["umask"])
        try:
            self._set_mark(order["mark"])
            _enter(order.get("cwd"))
            self._limit_files(self.files)
            pid: int = _execute(order, start)
            return pid
        finally:
            self._limit_files(self._most_files)
            os.umask(mask)
            os.fchdir(self._home)
            resource.setrlimit(RLIMIT_LOCKS, self._locks)
            os.dup2(self._null, self._end, inheritable=False)  # Or the pipe would have no end.

    def _set_mark(self, mark: int) -> None:
        # A hard limit below the mark: the environment marker and the parent links must do.
        hard = self._locks[1]
        if hard == resource.RLIM_INFINITY or mark <= hard:
            resource.setrlimit(RLIMIT_LOCKS, (mark, hard))

    def _fork(self, order: Order, end: int) -> int:
        news, tell = _tried("pipe", lambda: os.pipe2(os.O_CLOEXEC))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = _tried("fork", os.fork)
            if pid == 0:
                self._be_child(order, end, tell)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(tell)
        with open(news, "rb") as pipe:
            error = pipe.read()  # Ends when exec closes the child's end.
        if error:
            os.waitpid(pid, 0)
            raise NotSpawned(*json.loads(error))
        return pid

    def _be_child(self, order: Order, end: int, tell: int) -> NoReturn:
        try:
            os.setsid()
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for to, fd in enumerate((self._null, end, end)):
                os.dup2(fd, to)
            self._set_mark(order["mark"])
            self._limit_files(self.files)
            _change(order)
            _enter(order.get("cwd"))
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            _execute(order, os.execve)
        except NotSpawned as error:
            os.write(tell, json.dumps([error.errno, error.what]).encode())
        except BaseException as error:
            os.write(tell, json.dumps([errno.EINVAL, f"{type(error).__name__}: {error}"]).encode())
        finally:
            os._exit(127)


def _output_pipe() -> tuple[int, int]:
    """Return (read end, the child's end).

    The child's end is open for reading too: with keeper and manager both dead it gets no SIGPIPE
    but waits.
    """
    out, end = os.pipe2(os.O_CLOEXEC)
    try:
        both = os.open(f"/proc/self/fd/{end}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return out, end  # No /proc: works, but for the SIGPIPE.
    except OSError:
        os.close(out)
        os.close(end)
        raise
    os.close(end)
    return out, both


def _tried(step: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError as error:
        raise NotSpawned(error.errno or errno.EIO, f"{step}: {error.strerror}") from error


def _enter(cwd: str | None) -> None:
    if cwd is not None:
        _tried(f"cwd {cwd}", lambda: os.chdir(cwd))


def _change(order: Order) -> None:
    """In the child: become what the order says, the most privileged steps first."""
    if (nice := order.get("nice")) is not None:
        _tried(f"nice {nice}", lambda: os.setpriority(os.PRIO_PROCESS, 0, nice))
    if (score := order.get("oom_score_adj")) is not None:
        _tried(f"oom_score_adj {score}", partial(_write, "/proc/self/oom_score_adj", str(score)))
    for number, *limits in order.get("rlimits") or ():
        soft, hard = (resource.RLIM_INFINITY if n is None else n for n in limits)
        step = f"rlimit {_limit_name(number)} {soft}:{hard}"
        _tried(step, partial(_limit, number, soft, hard))
    if user := order.get("user"):
        groups, gid, uid = user["groups"], user["gid"], user["uid"]
        _tried(f"setgroups {groups}", lambda: os.setgroups(groups))
        _tried(f"setgid {gid}", lambda: os.setresgid(gid, gid, gid))
        _tried(f"setuid {uid}", lambda: os.setresuid(uid, uid, uid))
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


def _execute(order: Order, start: Callable[[str, list[str], dict[str, str]], Any]) -> Any:
    """Find the program as execvp would and `start` it; a file without `#!` is the shell's."""
    argv, env = order["argv"], order["env"]
    path = find_program(argv[0], env.get("PATH", os.defpath))
    try:
        try:
            return start(path, argv, env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return start("/bin/sh", ["sh", path, *argv[1:]], env)
    except OSError as error:
        raise NotSpawned(error.errno or errno.EIO, _explain(path, error)) from error
    except ValueError as error:  # A NUL byte, or "=" in a variable's name.
        raise NotSpawned(errno.EINVAL, f"exec {argv[0]}: {error}") from error


def find_program(name: str, path: str) -> str:
    """Return the file that `name` means: itself with a slash, else the first fit in `path`."""
    if "/" in name:
        return name
    denied = ""
    for folder in path.split(":"):
        file = f"{folder or '.'}/{name}"
        if os.path.isfile(file):
            if os.access(file, os.X_OK):
                return file
            denied = denied or file
    if denied:
        raise NotSpawned(errno.EACCES, f"not executable: {denied}")
    raise NotSpawned(errno.ENOENT, f"no such file: {name} (looked in PATH {path})")


def _explain(path: str, error: OSError) -> str:
    """Say what exec's errno means for this file: ENOENT is also a missing interpreter."""
    if error.errno == errno.ENOENT and not os.path.exists(path):
        return f"no such file: {path}"
    if error.errno == errno.EACCES and os.path.isdir(path):
        return f"is a directory: {path}"
    if error.errno == errno.EACCES and os.path.exists(path) and not os.access(path, os.X_OK):
        return f"not executable: {path}"
    if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ELOOP):
        try:
            with open(path, "rb") as file:
                line = file.read(256).partition(b"\n")[0]
        except OSError:
            return f"exec {path}: {error.strerror}"
        if line.startswith(b"#!"):
            return f"{path}: bad interpreter {os.fsdecode(line[2:].split(None, 1)[0])}"
        if error.errno == errno.ENOENT:
            return f"{path}: the loader it was linked for is missing"
    return f"exec {path}: {error.strerror}"

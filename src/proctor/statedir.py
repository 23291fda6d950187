"""The state directory: only ours, for nobody else to read, and used by one service at a time."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from pathlib import Path

from .config import ConfigError

LOCK = "proctor.lock"


def prepare_state_dir(path: Path) -> None:
    """Make the directory (mode 0700), or take it as it is if it can be ours.

    One that others can look into is closed to them, but only if nothing else than ours is in it:
    closing /tmp or a home directory would do harm.  Raises ConfigError.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if found.st_uid != os.geteuid():
            raise ConfigError(f"state directory {path}: owned by {_user(found.st_uid)}, not by us")
        if stat.S_IMODE(found.st_mode) & 0o077:
            _close_to_others(path)
    except FileExistsError:
        raise ConfigError(f"state directory {path}: not a directory") from None
    except OSError as error:
        raise ConfigError(f"state directory {path}: {error.strerror}") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"state directory {path}: not writable")


def lock(path: Path, pid: int | None = None) -> int:
    """Claim the state directory for the service whose process is `pid` (this one).

    Return a descriptor; the claim lasts until it, and every copy of it, is closed.
    Raises ConfigError if another service has it.
    """
    try:
        fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"state directory {path}: {LOCK}: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % (pid or os.getpid()), 0)
    except BlockingIOError:
        owner = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise ConfigError(
            f"state directory {path}: another proctor (pid {owner}) is using it"
        ) from None
    except OSError as error:
        os.close(fd)
        raise ConfigError(f"state directory {path}: {LOCK}: {error.strerror}") from None
    return fd


def _close_to_others(path: Path) -> None:
    names = os.listdir(path)
    if names and LOCK not in names:
        raise ConfigError(
            f"state directory {path}: others can read it, and it holds more than our state "
            "(give a directory of its own)"
        )
    path.chmod(0o700)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

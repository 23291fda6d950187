"""The timer slack as another birth mark: what even a login (`su -`) leaves as it is.

pam_limits gives a session the limits of PID 1, and so takes the mark away, su a new environment and
a session; but the slack goes through fork, exec and setuid.  It is raised by less than 17 us for
that (default: 50), which no timer notices.  So it is not unique, and only tells the runs of one
keeper apart, of processes that are known to be from one of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 29, 30
_CODES = 1 << 14


def code(mark: int) -> int:
    """Return what a slack tells of a birth mark: the low bits of the run's number."""
    return mark % _CODES


def give(mark: int) -> None:
    """Have what is spawned from now on carry the code of `mark`."""
    _prctl(_PR_SET_TIMERSLACK, _own() + 1 + code(mark))


def restore() -> None:
    _prctl(_PR_SET_TIMERSLACK, _own())


def code_of(pid: int) -> int | None:
    """Return the code that a process carries; None: none, or we may not look (another user's)."""
    try:
        with open(f"/proc/{pid}/timerslack_ns", "rb") as file:
            more = int(file.read()) - _own() - 1
    except (OSError, ValueError):
        return None
    return more if 0 <= more < _CODES else None


@cache
def _own() -> int:
    """Return the keeper's own slack, in ns: first asked before anything is spawned."""
    return _prctl(_PR_GET_TIMERSLACK, 0)


def _prctl(option: int, value: int) -> int:
    result: int = _libc().prctl(option, value, 0, 0, 0)
    return result


@cache
def _libc() -> Any:
    import ctypes  # Loaded all the same: see children.py.

    return ctypes.CDLL(None)

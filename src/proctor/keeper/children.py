"""Being the parent of all: who loses its own becomes our child, and who ends is reaped."""

from __future__ import annotations

import os
from typing import Any

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Have every descendant whose parent ends become our child, as if we were PID 1."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap() -> list[tuple[int, int, Any]]:
    """Return (pid, status, rusage) of every child that has ended since the last call."""
    dead = []
    while (one := _next_dead()) is not None:
        dead.append(one)
    return dead


def _next_dead() -> tuple[int, int, Any] | None:
    try:
        dead = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return dead if dead[0] else None

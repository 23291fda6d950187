"""How many descriptors are kept back from runs.  Pure.

A run takes one in the keeper and one in the manager, which have the same limit.  What is kept back
is for talking, reaping and stopping here, and there for connections, the store and open logs.
"""

from __future__ import annotations

LEAST, MOST = 44, 1600
COMMANDS = 1 << 31
"""Runs with such numbers and above are commands beside the runs: checks, stop commands."""


def reserve(limit: int) -> int:
    """Return how many of `limit` descriptors (RLIMIT_NOFILE) are not for runs."""
    return min(MOST, max(LEAST, limit // 8))


def refusal(fd: int, limit: int, run: int) -> str | None:
    """Say why a run may not have `fd`, which was the lowest that was free; None if it may.

    Commands reach into what is kept back: a stop command must not fail for want of a descriptor.
    """
    share = reserve(limit)
    if fd < limit - (share // 2 if run >= COMMANDS else share):
        return None
    return (
        f"too many open files: the service's limit of {limit} (ulimit -n) leaves no room for "
        "another run"
    )


def open_logs(limit: int) -> int:
    """Return how many logs the manager may have open at a time; each takes three."""
    return min(128, max(2, (reserve(limit) - 36) // 6))


def connections(limit: int) -> int:
    """Return how many clients the manager may serve at a time."""
    return min(1000, reserve(limit) - 3 * open_logs(limit) - 24)

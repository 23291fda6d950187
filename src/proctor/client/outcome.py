"""Whether what was asked for is reached, and what to say if not."""

from __future__ import annotations

from .errors import OperationFailed, Unfinished
from .models import Operation

LONGEST_WAIT = 30.0
"""Seconds that one request waits at most; what takes longer is asked for again."""


def is_over(operation: Operation) -> bool:
    return operation.state != "running"


def check(operation: Operation, wait: float) -> Operation:
    """Return the operation if it is done, or nobody wanted to wait.

    Raises OperationFailed, Unfinished.
    """
    if operation.state == "failed":
        raise OperationFailed(reasons(operation) or "it failed", operation)
    if is_over(operation) or not wait:
        return operation
    text = reasons(operation)
    raise Unfinished(f"not within {wait:g} s{': ' if text else ''}{text}", operation)


def reasons(operation: Operation) -> str:
    """Return why, a line each for what has not reached it."""
    lines = [
        f"{target.alias}: {target.reason or target.state}"
        for target in operation.targets
        if target.state != "done"
    ]
    return "\n".join(lines) or operation.reason

"""What a merge patch makes of a task.  Pure."""

from __future__ import annotations

from typing import Any

from .schemas.to_schedule import CRON_ONLY

_OF_PROCESSES = ("stdin", "tty", "sockets")

FOREIGN: dict[str, tuple[str, ...]] = {
    "once": (*CRON_ONLY, "interpreter"),
    "daemon": (*CRON_ONLY, "interpreter", "at"),
    "cron": ("interpreter",),
    "melang": (*_OF_PROCESSES, "interpreter"),
    "coroutine": (*_OF_PROCESSES, "interpreter"),
    "python": _OF_PROCESSES,
}
"""The fields that tasks of a type do not have."""


def patched(before: dict[str, Any], patch: dict[str, Any]) -> Any:
    """Return the task's fields after a patch.

    With another type those go that it does not have: `cron` has a value that nobody gave, and would
    be in the way of a type without it.  What the patch names itself stays, to be refused by name.
    """
    kind = patch.get("type")
    if isinstance(kind, str) and kind != before["type"]:
        gone = set(FOREIGN.get(kind, ())) - patch.keys()
        before = {name: value for name, value in before.items() if name not in gone}
    return merged(before, patch)


def merged(before: Any, patch: Any) -> Any:
    """Return what a merge patch makes of a value.  Source: RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    after = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = merged(after.get(name), value)
    return after

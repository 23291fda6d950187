"""How the limits of a task are enforced here.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .spec import Limits

CONTROLLERS = ("memory", "cpu", "pids")


def enforced(controllers: Collection[str]) -> dict[str, str]:
    """Return by what each kind is limited; `controllers` are the cgroup's that we may use.

    Memory can be watched from outside (`memory_restart`), the others cannot.
    """
    without = {"memory": "watched"}
    return {c: "cgroup" if c in controllers else without.get(c, "none") for c in CONTROLLERS}


def unenforced(limits: Limits, controllers: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each limit that nothing enforces here."""
    given = {
        "limits.memory_max": ("memory", limits.memory_max),
        "limits.memory_high": ("memory", limits.memory_high),
        "limits.cpu": ("cpu", limits.cpu),
        "limits.pids": ("pids", limits.pids),
    }
    for name, (controller, value) in given.items():
        if value is not None and controller not in controllers:
            advice = "; memory_restart is" if controller == "memory" else ""
            yield f"{name} is not enforced: no cgroup v2 with {controller} is writable{advice}"

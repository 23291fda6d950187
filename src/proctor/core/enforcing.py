"""How the limits of a task are enforced here.  Pure.

`controllers` are always those of cgroups by which the kernel can limit: of memory, cpu, pids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .spec import Limits

CONTROLLERS = ("memory", "cpu", "pids")


def enforced(controllers: Collection[str]) -> dict[str, str]:
    """Return by what each kind is limited.

    Memory can be watched from outside, the others cannot.
    """
    without = {"memory": "watched"}
    return {c: "cgroup" if c in controllers else without.get(c, "none") for c in CONTROLLERS}


def watched(limits: Limits, controllers: Collection[str]) -> tuple[str, int] | None:
    """Return the bound on memory to watch for, and its name; None: there is none.

    `memory_restart`, and what the kernel does not enforce of `memory_max`.
    """
    bounds = [("memory_restart", limits.memory_restart)]
    if "memory" not in controllers:
        bounds.append(("memory_max", limits.memory_max))
    given = [(name, most) for name, most in bounds if most is not None]
    return min(given, key=lambda bound: bound[1], default=None)


def warnings(limits: Limits, controllers: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each limit that the kernel does not enforce here."""
    given = (
        ("memory_max", "memory", limits.memory_max),
        ("memory_high", "memory", limits.memory_high),
        ("cpu", "cpu", limits.cpu),
        ("pids", "pids", limits.pids),
    )
    for name, controller, value in given:
        if value is None or controller in controllers:
            continue
        why = f"there is no cgroup v2 here that has `{controller}` and that we may write to"
        if name == "memory_max":
            yield f"limits.{name} is watched, not enforced ({why}): what is over it is restarted"
        else:
            yield f"limits.{name} is not enforced: {why}"

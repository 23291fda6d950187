"""What a changed spec means for what runs."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .spec import Check, CheckKind, Limits, Output, Spec

LIVE = frozenset(
    {
        "description",
        "namespace",
        "labels",
        "enabled",
        "secret_env",
        "replicas",
        "deps",
        "schedule",
        "interval",
        "restart_policy",
        "timeout",
        "pool",
        "priority",
        "success_codes",
        "essential",
        "watch",
        "stop_signals",
        "stop_timeout",
        "stop_command",
        "rolling",
    }
)
"""The fields that hold from now on without a restart; any other is part of a run from its birth.

Checks, limits and output are in between: see `FieldChange.restarts`.
"""


class FieldChange(Struct, frozen=True):
    field: str
    before: object
    after: object

    @property
    def restarts(self) -> bool:
        """Whether what runs has to be restarted for it to hold."""
        match self.before, self.after:
            case Limits() as before, Limits() as after:
                # What is watched from outside may change; what the kernel enforces was set before.
                return replace(before, memory_restart=after.memory_restart) != after
            case Output() as before, Output() as after:
                return before.separate != after.separate
            case (Check() | None) as before, (Check() | None) as after if self.field in CHECKS:
                # Who notifies is told of it at birth; anybody else does not know of the check.
                return any(check and check.kind is CheckKind.NOTIFY for check in (before, after))
        return self.field not in LIVE


CHECKS = ("readiness", "liveness", "startup")


class Plan(Struct, frozen=True):
    """What becoming `after` takes; `changes` is empty if nothing is different.

    `restarts`: what runs now has to be restarted.  A scheduled task's run is not: the next one
    goes by the new spec.
    """

    changes: tuple[FieldChange, ...]
    restarts: bool = False


def plan(before: Spec, after: Spec) -> Plan:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in Spec.__struct_fields__)
    changes = tuple(FieldChange(name, old, new) for name, old, new in pairs if old != new)
    scheduled = before.is_scheduled or after.is_scheduled
    return Plan(changes, not scheduled and any(change.restarts for change in changes))


def outdates(difference: Plan) -> bool:
    """Whether runs that go on are not what the new spec says."""
    return any(change.restarts for change in difference.changes)


def overlaid(old: Spec, new: Spec) -> Spec:
    """Return what holds for a run that was begun by `old`: that, but for the live fields."""
    return replace(old, **{name: getattr(new, name) for name in LIVE})

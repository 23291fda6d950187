"""What a changed spec means for what runs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .spec import Spec

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
        "output",
    }
)
"""The fields that hold from now on without a restart; any other is part of a run from its birth."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    field: str
    before: object
    after: object

    @property
    def restarts(self) -> bool:
        return self.field not in LIVE


@dataclass(frozen=True, slots=True)
class Plan:
    """What becoming `after` takes; `changes` is empty if nothing is different."""

    changes: tuple[FieldChange, ...]

    @property
    def restarts(self) -> bool:
        """Whether what runs now has to be restarted."""
        return any(change.restarts for change in self.changes)


def plan(before: Spec, after: Spec) -> Plan:
    pairs = ((f.name, getattr(before, f.name), getattr(after, f.name)) for f in fields(Spec))
    return Plan(tuple(FieldChange(name, old, new) for name, old, new in pairs if old != new))

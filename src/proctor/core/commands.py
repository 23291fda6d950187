"""What the core asks of the engine.  Commands are performed after the change is saved."""

from __future__ import annotations

from dataclasses import dataclass

from .model import ReplicaId
from .spec import Check, Spec


@dataclass(frozen=True, slots=True)
class Command:
    id: ReplicaId
    run: int


@dataclass(frozen=True, slots=True)
class Spawn(Command):
    spec: Spec


@dataclass(frozen=True, slots=True)
class Signal(Command):
    """Send `signal` (a name without SIG, "TERM") to the run's whole tree, and SIGCONT after it."""

    signal: str


@dataclass(frozen=True, slots=True)
class Kill(Command):
    """SIGKILL whatever is left of the run until nothing is, then report Gone."""


@dataclass(frozen=True, slots=True)
class StopCommand(Command):
    """Run the spec's stop command as the task runs, then report Stepped."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class Probe(Command):
    """Find out what `check` asks, once, and report Probed with its name.

    For LOG_LINE and NOTIFY: report when it comes; until `EndProbes` or the end of the run.
    """

    name: str
    check: Check
    spec: Spec


@dataclass(frozen=True, slots=True)
class EndProbes(Command):
    """Nobody asks about this run any more."""

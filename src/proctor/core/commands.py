"""What the core asks of the engine.  Commands are performed after the change is saved."""

from __future__ import annotations

from dataclasses import dataclass

from .model import ReplicaId, Spec


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

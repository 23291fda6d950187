"""What the core asks of the engine.  Commands are performed after the change is saved."""

from __future__ import annotations

from msgspec import Struct

from .model import ReplicaId
from .spec import Check, Spec


class Command(Struct, frozen=True):
    id: ReplicaId
    run: int


class Spawn(Command, frozen=True):
    spec: Spec


class Signal(Command, frozen=True):
    """Send `signal` (a name without SIG, "TERM") to the run's whole tree, and SIGCONT after it."""

    signal: str


class Kill(Command, frozen=True):
    """SIGKILL whatever is left of the run until nothing is, then report Gone."""


class StopCommand(Command, frozen=True):
    """Run the spec's stop command as the task runs, then report Stepped."""

    spec: Spec


class Probe(Command, frozen=True):
    """Find out what `check` asks, once, and report Probed with its name.

    For LOG_LINE and NOTIFY: report when it comes; until `EndProbes` or the end of the run.
    """

    name: str
    check: Check
    spec: Spec


class EndProbes(Command, frozen=True):
    """Nobody asks about this run any more."""

"""What can happen to a replica.  Every event goes through `World.handle`, with the time."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Exit, ReplicaId


@dataclass(frozen=True, slots=True)
class Event:
    id: ReplicaId


@dataclass(frozen=True, slots=True)
class Start(Event):
    """Somebody, or the schedule, wants it to run; `trigger` says who."""

    trigger: str = "api"


@dataclass(frozen=True, slots=True)
class Stop(Event):
    """Somebody wants it not to run."""

    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class Interrupt(Event):
    """End the current run because the service ends; a daemon stays wanted for its next life."""

    reason: str = "interrupted"


@dataclass(frozen=True, slots=True)
class Unblocked(Event):
    """Nothing holds it up any more.

    `run` is the id of the run that may begin, and `revision` that of the spec it begins with.
    """

    run: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Timeout(Event):
    """Its deadline has passed."""


@dataclass(frozen=True, slots=True)
class Respecified(Event):
    """Its spec is another one, which holds for the run that goes on too."""


@dataclass(frozen=True, slots=True)
class Rebooted(Event):
    """The machine was started anew: no process is left, and the monotonic clock began anew."""


@dataclass(frozen=True, slots=True)
class RunEvent(Event):
    """News from the engine about one run; news of another run than the current one is stale."""

    run: int


@dataclass(frozen=True, slots=True)
class Spawned(RunEvent):
    """Its process exists; `ticks` is its start time in clock ticks since boot, where known."""

    pid: int
    ticks: int | None = None


@dataclass(frozen=True, slots=True)
class SpawnFailed(RunEvent):
    """No process came to be.  `transient`: the same may work later (EAGAIN, ENOMEM ...)."""

    error: str
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Exited(RunEvent):
    """Its process ended and was reaped; `left` says whether processes it started live on."""

    exit: Exit
    left: bool = False


@dataclass(frozen=True, slots=True)
class Gone(RunEvent):
    """Nothing of the run is left alive."""


@dataclass(frozen=True, slots=True)
class Lost(RunEvent):
    """The engine knows nothing of the run: it ended unseen, or never began."""

    error: str = "lost: nothing is known of its end"


@dataclass(frozen=True, slots=True)
class Stepped(RunEvent):
    """The stop command has ended, well or not."""


@dataclass(frozen=True, slots=True)
class Probed(RunEvent):
    """The answer to the probe of that name; `text` is what was seen."""

    name: str
    ok: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Booted(RunEvent):
    """Its startup check has succeeded."""


@dataclass(frozen=True, slots=True)
class Ready(RunEvent):
    """Its checks say that it does its work."""


@dataclass(frozen=True, slots=True)
class Unready(RunEvent):
    """Its readiness check fails now."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unhealthy(RunEvent):
    """It has to end, and that counts as a failure: a check, or a bound on what it uses, says so."""

    reason: str = ""

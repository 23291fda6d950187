"""What can happen to a replica.  Every event goes through `World.handle`, with the time."""

from __future__ import annotations

from msgspec import Struct

from .model import Exit, ReplicaId


class Event(Struct, frozen=True):
    id: ReplicaId


class Start(Event, frozen=True):
    """Somebody, or the schedule, wants it to run; `trigger` says who."""

    trigger: str = "api"


class Stop(Event, frozen=True):
    """Somebody wants it not to run."""

    reason: str = "stopped"


class Interrupt(Event, frozen=True):
    """End the current run because the service ends; a daemon stays wanted for its next life."""

    reason: str = "interrupted"


class Unblocked(Event, frozen=True):
    """Nothing holds it up any more.

    `run` is the id of the run that may begin, and `revision` that of the spec it begins with.
    """

    run: int
    revision: int = 0


class Timeout(Event, frozen=True):
    """Its deadline has passed."""


class Respecified(Event, frozen=True):
    """Its spec is another one, which holds for the run that goes on too."""


class Rebooted(Event, frozen=True):
    """The machine was started anew: no process is left, and the monotonic clock began anew."""


class RunEvent(Event, frozen=True):
    """News from the engine about one run; news of another run than the current one is stale."""

    run: int


class Spawned(RunEvent, frozen=True):
    """Its process exists; `ticks` is its start time in clock ticks since boot, where known."""

    pid: int
    ticks: int | None = None


class SpawnFailed(RunEvent, frozen=True):
    """No process came to be.  `transient`: the same may work later (EAGAIN, ENOMEM ...)."""

    error: str
    transient: bool = False


class Exited(RunEvent, frozen=True):
    """Its process ended and was reaped; `left` says whether processes it started live on."""

    exit: Exit
    left: bool = False


class Gone(RunEvent, frozen=True):
    """Nothing of the run is left alive."""


class Lost(RunEvent, frozen=True):
    """The engine knows nothing of the run: it ended unseen, or never began."""

    error: str = "lost: nothing is known of its end"


class Stepped(RunEvent, frozen=True):
    """The stop command has ended; `error` says how it failed, "" if it did not."""

    error: str = ""


class Probed(RunEvent, frozen=True):
    """The answer to the probe of that name; `text` is what was seen.  `ok` None: only words."""

    name: str
    ok: bool | None
    text: str = ""


class Booted(RunEvent, frozen=True):
    """Its startup check has succeeded."""


class Ready(RunEvent, frozen=True):
    """Its checks say that it does its work."""


class Unready(RunEvent, frozen=True):
    """Its readiness check fails now."""

    reason: str = ""


class Unhealthy(RunEvent, frozen=True):
    """It has to end, and that counts as a failure: a check, or a bound on what it uses, says so."""

    reason: str = ""

"""The engine protocol: what carries out commands and reports events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from proctor.core.commands import Command
from proctor.core.events import Event
from proctor.core.model import ReplicaId


class KnownRun(Struct, frozen=True):
    """A run whose process may be alive, as the store remembers it.

    `start` is the process's start time in clock ticks since boot: with the pid it names a process.
    """

    id: ReplicaId
    run: int
    pid: int | None
    start: int | None


class Engine(Protocol):
    """Carries out commands and feeds events, in the order they happened, to the callback.

    Events arrive in batches: the callback gets all that one wake-up brought, so that the manager
    can save them in one transaction.
    """

    async def open(
        self, runs: Sequence[KnownRun], on_events: Callable[[Sequence[Event]], None]
    ) -> None:
        """Connect, and report the truth about each of `runs` before returning.

        Each run is answered by Spawned (its process lives and is supervised again), Exited (it
        ended meanwhile) or Lost.
        """

    def perform(self, commands: Iterable[Command]) -> None:
        """Start carrying out the commands; returns at once."""

    def acknowledge(self, runs: Iterable[int]) -> None:
        """The ends of these runs are on record; the engine may forget them."""

    async def close(self, status: int) -> None:
        """Nothing runs any more: let go of everything; the service ends with exit code `status`."""

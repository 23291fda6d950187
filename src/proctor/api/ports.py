"""What the API needs of the rest of Proctor, as protocols."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from proctor.core.model import ReplicaId, Spec
from proctor.core.views import Listing
from proctor.metrics.metrics import Metrics


class ManagerPort(Protocol):
    """The manager as the API sees it; everything but `wait_removed` answers at once."""

    @property
    def version(self) -> int:
        """Changes whenever what `listing` shows may have changed."""

    def submit(self, spec: Spec) -> None:
        """Add a task and start it.

        Raises TaskExists, DependencyCycle, BadSchedule, ShuttingDown, StorageFailed.
        """

    def restart(self, name: str) -> None:
        """Stop what runs of the task, then start it.  Raises UnknownTask, ShuttingDown."""

    def remove(self, name: str) -> None:
        """Begin to stop and forget a task.  Raises UnknownTask, StorageFailed."""

    async def wait_removed(self, name: str) -> None:
        """Return when nothing of the task is left alive and it is forgotten."""

    def listing(self) -> Listing: ...

    def has_task(self, name: str) -> bool: ...


class SpecCheck(Protocol):
    """Looks up the spec's user and groups, and reads its script; may block.

    Raises UnknownAccount, and what is wrong with a script.
    """

    def __call__(self, spec: Spec, /) -> object: ...


Subscribe = Callable[[ReplicaId, Callable[[ReplicaId, int], None]], Callable[[], None]]
"""Takes a replica and what is to be called, with the log's end; returns what ends that."""


class Service(Struct, frozen=True):
    """The service around the manager: facts, and what it does when told to.

    `subscribe` has a function called, in another thread, whenever a replica's log has grown.
    `generation` counts the managers of this keeper; `limits` says how limits are enforced.
    `metrics` is what is measured, None: the API makes its own.
    `reload` and `shutdown` return at once; None: not here.
    """

    generation: int = 1
    keeper_pid: int = field(default_factory=os.getppid)
    started: float = field(default_factory=time.time)
    limits: str = "none"
    timezone: str = "local"
    subscribe: Subscribe | None = None
    metrics: Metrics | None = None
    reload: Callable[[], None] | None = None
    shutdown: Callable[[], None] | None = None

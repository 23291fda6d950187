"""What the API needs of the rest of Proctor, as protocols."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from msgspec import Struct, field

from proctor.core.model import Exit, ReplicaId, Spec
from proctor.core.views import Listing
from proctor.metrics.metrics import Metrics


class ManagerPort(Protocol):
    """The manager as the API sees it; everything but `wait_removed` answers at once."""

    @property
    def version(self) -> int:
        """Changes whenever what `listing` shows may have changed."""

    def submit(self, spec: Spec, *, actor: str) -> None:
        """Add a task and start it; `actor` says who asks.

        Raises TaskExists, DependencyCycle, BadSchedule, ShuttingDown, StorageFailed.
        """

    def restart(self, name: str, *, actor: str) -> None:
        """Stop what runs of the task, then start it.  Raises UnknownTask, ShuttingDown."""

    def remove(self, name: str, *, actor: str) -> None:
        """Begin to stop and forget a task.  Raises UnknownTask, StorageFailed."""

    async def wait_removed(self, name: str) -> None:
        """Return when nothing of the task is left alive and it is forgotten."""

    def listing(self) -> Listing: ...

    def has_task(self, name: str) -> bool: ...

    def first_run(self, name: str) -> int:
        """Return the first run of the task; earlier ones were another's of the same name."""


class SpecCheck(Protocol):
    """Looks up the spec's user and groups, and reads its script; may block.

    Raises UnknownAccount, and what is wrong with a script.
    """

    def __call__(self, spec: Spec, /) -> object: ...


Subscribe = Callable[[ReplicaId | None, Callable[[ReplicaId, int], None]], Callable[[], None]]
"""Takes a replica (None: any) and what is to be called in another thread, with the replica and its
log's end; returns what ends that."""


class InputPort(Protocol):
    """What one can write to: a pipe, or a terminal."""

    async def write(self, data: bytes, timeout: float) -> int:
        """Return how much was taken within `timeout` seconds.  OSError: nobody reads."""


class ViewerPort(Protocol):
    """Somebody who looks at a terminal."""

    @property
    def too_slow(self) -> bool:
        """Whether it was dropped because it did not keep up."""

    async def chunk(self) -> bytes | None:
        """Return what there is to show; None: it is over."""


class TerminalPort(Protocol):
    """The terminal of a run."""

    def view(self) -> Any: ...

    def leave(self, viewer: Any, /) -> None: ...

    def resize(self, rows: int, columns: int, /) -> None: ...


class SessionPort(Protocol):
    """A command that runs beside a task, for somebody who looks."""

    @property
    def input(self) -> InputPort | None: ...

    @property
    def exit(self) -> asyncio.Future[Exit]: ...

    async def read(self) -> bytes:
        """Return what it says; empty once all is read."""

    def resize(self, rows: int, columns: int, /) -> None: ...

    def close_input(self) -> None: ...


class InputsPort(Protocol):
    """The inputs and terminals of runs."""

    def of(self, run: int, /) -> InputPort | None: ...

    def terminal(self, run: int, /) -> TerminalPort | None: ...

    def close(self, run: int, /) -> None: ...


class ConsolePort(Protocol):
    """The processes themselves."""

    @property
    def inputs(self) -> InputsPort: ...

    async def begin_session(
        self, spec: Spec, index: int, run: int, argv: tuple[str, ...], size: tuple[int, int] | None
    ) -> Any:
        """Start a command as the replica runs.  Raises UnknownAccount, NoInput."""

    def end_session(self, session: Any, /) -> None:
        """Kill what is left of it."""


class Service(Struct, frozen=True):
    """The service around the manager: facts, and what it does when told to.

    `subscribe` has a function called, in another thread, whenever a replica's log has grown;
    `drain` says when what a run has written until now is on file, `flush` when it is of all.
    `generation` counts the managers of this keeper; `controllers` are those of cgroups by which
    the kernel enforces limits.  `console` is None where there are no processes.
    `metrics` is what is measured, None: the API makes its own.
    `reload` and `shutdown` return at once; None: not here.
    """

    generation: int = 1
    keeper_pid: int = field(default_factory=os.getppid)
    started: float = field(default_factory=time.time)
    controllers: tuple[str, ...] = ()
    console: ConsolePort | None = None
    timezone: str = "local"
    subscribe: Subscribe | None = None
    drain: Callable[[int], Future[None]] | None = None
    flush: Callable[[], Future[None]] | None = None
    metrics: Metrics | None = None
    reload: Callable[[], None] | None = None
    shutdown: Callable[[], None] | None = None

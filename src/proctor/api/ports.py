"""What the API needs of the rest of Proctor, as protocols."""

from __future__ import annotations

from typing import Protocol

from proctor.core.model import Spec
from proctor.core.views import Listing


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


class AccountCheck(Protocol):
    """Looks up the spec's user and groups; may block.  Raises UnknownAccount."""

    def __call__(self, spec: Spec, /) -> object: ...

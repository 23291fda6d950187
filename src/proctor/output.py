"""How much of a task's output is kept: its own settings over the service's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from .config import OutputSettings, Size
from .core.model import ReplicaId, Task
from .core.spec import Output
from .logs.rotation import Limits

NOTHING_SAID = Output()


def on_disk(service: OutputSettings, size: int) -> OutputSettings:
    """Return the settings for a disk of `size` bytes (0: unknown), three quarters of it at most.

    So that output alone never fills the disk up, which would keep the store from saving.  Pure.
    """
    if not size:
        return service
    return replace(service, total_quota=Size(min(service.total_quota, size - size // 4)))


def limits(given: Output, service: OutputSettings) -> Limits:
    """Return the limits of a replica's log.  Pure."""
    return Limits(
        segment=given.segment_size or service.segment_size,
        replica=given.quota or service.replica_quota,
        total=service.total_quota,
        segment_age=given.segment_age or service.segment_age,
        max_age=given.max_age or service.max_age,
        compress=service.compress if given.compress is None else given.compress,
        keep=given.keep,
    )


def limits_of(tasks: Mapping[str, Task], service: OutputSettings) -> Callable[[ReplicaId], Limits]:
    """Return what says the limits of a log, also of a task that is gone.

    The log thread calls it, and only looks one value up in the world's tasks.
    """

    def found(id: ReplicaId) -> Limits:
        task = tasks.get(id.task)
        return limits(NOTHING_SAID if task is None else task.spec.output, service)

    return found

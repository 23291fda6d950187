"""All that is measured of one service, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from proctor.core.enforcing import CONTROLLERS
from proctor.core.events import Event
from proctor.core.model import Note, Now, ReplicaId
from proctor.core.world import World
from proctor.history import History

from .bounds import is_bounded
from .counters import Counters
from .requests import Requests

if TYPE_CHECKING:
    from .sampler import Sampler


class Metrics:
    """`lost(id)` says how many bytes of a replica's output could not be written."""

    def __init__(
        self,
        world: World,
        history: History,
        dispatch: Callable[[Sequence[Event]], None],
        now: Callable[[], Now],
        *,
        keeper_pid: int = 0,
        mark_base: int = -1,
        controllers: Collection[str] = CONTROLLERS,
        lost: Callable[[ReplicaId], int] = lambda id: 0,
    ) -> None:
        self._world = world
        self._controllers = controllers

        def make() -> Sampler:
            from .sampler import Sampler

            return Sampler(
                world,
                dispatch,
                now,
                keeper_pid=keeper_pid,
                mark_base=mark_base,
                controllers=controllers,
            )

        self._make = make
        self._sampler: Sampler | None = None
        self.counters = Counters(world, self._last_cpu)
        self.requests = Requests()
        self.lost = lost
        history.listen(self.counters.on_notes)
        history.listen(self._on_notes)
        self._look_for_bounds(world.tasks)

    @property
    def sampler(self) -> Sampler:
        """What looks at processes; made when somebody asks, for most starts need none."""
        if self._sampler is None:
            self._sampler = self._make()
        return self._sampler

    def cpu_seconds(self, id: ReplicaId) -> float:
        """Return the CPU time of all runs of a replica that this service has seen."""
        usage = self._sampler.usage(id) if self._sampler else None
        ended = self.counters.ended_cpu.get(id, 0.0)
        return ended + (usage.cpu_seconds if usage else 0.0)

    def close(self) -> None:
        if self._sampler:
            self._sampler.close()

    def _last_cpu(self, id: ReplicaId, run: int) -> float:
        return self._sampler.last_cpu(id, run) if self._sampler else 0.0

    def _on_notes(self, first: int, notes: Sequence[Note]) -> None:
        if self._sampler:
            self._sampler.on_notes(first, notes)
        else:
            self._look_for_bounds({note.task for note in notes})

    def _look_for_bounds(self, names: Iterable[str]) -> None:
        if any(is_bounded(self._world, name, self._controllers) for name in names):
            self.sampler.look_for_bounds()

"""All that is measured of one service, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from proctor.core.enforcing import CONTROLLERS
from proctor.core.events import Event
from proctor.core.model import Now, ReplicaId
from proctor.core.world import World
from proctor.history import History

from .counters import Counters
from .requests import Requests
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
        self.sampler = Sampler(
            world,
            dispatch,
            now,
            keeper_pid=keeper_pid,
            mark_base=mark_base,
            controllers=controllers,
        )
        self.counters = Counters(world, self.sampler.last_cpu)
        self.requests = Requests()
        self.lost = lost
        history.listen(self.counters.on_notes)
        history.listen(self.sampler.on_notes)
        self.sampler.look_for_bounds()

    def cpu_seconds(self, id: ReplicaId) -> float:
        """Return the CPU time of all runs of a replica that this service has seen."""
        usage = self.sampler.usage(id)
        ended = self.counters.ended_cpu.get(id, 0.0)
        return ended + (usage.cpu_seconds if usage else 0.0)

    def close(self) -> None:
        self.sampler.close()

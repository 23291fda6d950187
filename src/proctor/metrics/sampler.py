"""When processes are looked at, and what was seen of each replica.

Rule 1: nothing is sampled unless somebody asked within the last KEEP seconds, or a running task
has a bound that is watched from outside (limits.memory_restart; memory_max without a cgroup).
Rule 2: a sweep never holds up the event loop for longer than a slice of some 60 processes.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from proctor.core.enforcing import CONTROLLERS, watched
from proctor.core.events import Event, Unhealthy
from proctor.core.hosts import is_internal, is_own_host, script_of
from proctor.core.model import Note, Now, Replica, ReplicaId, State
from proctor.core.world import World
from proctor.log import get_logger

from .bounds import is_bounded
from .census import Census
from .procfs import Proc, marked_run
from .series import Point, Series
from .trees import trees
from .usage import Sweep, Usage, seen

log = get_logger("metrics")

STEP = 2.0
KEEP = 60.0
FIRST_STEP = 0.2
"""Seconds between the first two sweeps: it takes two to know the use of CPU."""

MIB = 1 << 20


class Sampler:
    """Looks at /proc every STEP seconds while somebody needs it."""

    def __init__(
        self,
        world: World,
        dispatch: Callable[[Sequence[Event]], None],
        now: Callable[[], Now],
        *,
        keeper_pid: int = 0,
        mark_base: int = -1,
        controllers: Collection[str] = CONTROLLERS,
        step: float = STEP,
    ) -> None:
        self._controllers = controllers
        self._world = world
        self._dispatch = dispatch
        self._now = now
        self._keeper_pid = keeper_pid
        self._mark_base = mark_base
        self._step = step
        self._census = Census()
        self._last = Sweep(-math.inf, {})
        self._usage: dict[ReplicaId, Usage] = {}
        self._series: dict[ReplicaId, Series] = {}
        self._judged: dict[ReplicaId, int] = {}
        self._asked = -math.inf
        self._timer: asyncio.Handle | None = None
        self._row = 0  # Sweeps since sampling began again.
        self._waiting: list[asyncio.Future[None]] = []
        self.sweeps = 0
        self.swept_at = 0.0
        """Wall seconds of the last sweep."""
        self.cpu_seconds = 0.0

    def usage(self, id: ReplicaId) -> Usage | None:
        """Return what the run that goes on uses; None: there is none, or it is too young."""
        usage, r = self._usage.get(id), self._world.replicas.get(id)
        if usage is None or r is None or r.pid is None or r.run != usage.run:
            return None
        return usage

    def last_cpu(self, id: ReplicaId, run: int) -> float:
        """Return the CPU time of a run as it was last seen, 0.0 if it never was."""
        usage = self._usage.get(id)
        return usage.cpu_seconds if usage is not None and usage.run == run else 0.0

    def series(self, id: ReplicaId) -> Series | None:
        return self._series.get(id)

    @property
    def running(self) -> bool:
        return self._timer is not None

    def ask(self) -> None:
        """Somebody wants figures: sample for a while."""
        self._asked = self._now().mono
        self._begin()

    async def ready(self) -> None:
        """Ask, and return when there are figures, the use of CPU included."""
        self.ask()
        if self._row < 2:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    async def swept(self) -> None:
        """Ask, and return after the next sweep whose use of CPU is known."""
        self.ask()
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def usages(self) -> Iterator[tuple[ReplicaId, Usage]]:
        """Yield what every run that goes on uses, but for our own tasks."""
        for id in self._usage:
            usage = self.usage(id)
            if usage is not None and not is_internal(id.task):
                yield id, usage

    def all_series(self) -> Mapping[ReplicaId, Series]:
        return self._series

    def look_for_bounds(self) -> None:
        """Begin to sample if a task that runs asks for it."""
        if self._bounded():
            self._begin()

    def on_notes(self, first: int, notes: Sequence[Note]) -> None:
        """See whether a task with a bound has begun to run; forget tasks that are gone."""
        gone = {note.task for note in notes if note.kind == "task.removed"}
        if gone:
            self._forget(lambda id: id.task in gone)
        if self._timer is None and any(self._is_bounded(note.task) for note in notes):
            self.look_for_bounds()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rest()
        self._wake()

    # Inside.

    def _begin(self) -> None:
        if self._timer is None:
            self._row = 0
            self._timer = asyncio.get_running_loop().call_soon(self._tick)

    def _is_bounded(self, name: str) -> bool:
        return is_bounded(self._world, name, self._controllers)

    def _bounded(self) -> bool:
        names = [name for name in self._world.tasks if self._is_bounded(name)]
        return any(r.alive for name in names for r in self._world.replicas_of(name))

    def _tick(self) -> None:
        if self._now().mono - self._asked < KEEP or self._bounded():
            self._slice(self._census.sweep())
            return
        self._timer = None
        self._rest()

    def _rest(self) -> None:
        self._census.rest()
        self._last = Sweep(self._last.at, {})

    def _slice(
        self, reading: Iterator[dict[int, Proc]], procs: dict[int, Proc] | None = None
    ) -> None:
        loop = asyncio.get_running_loop()
        began = time.thread_time()
        try:
            more = next(reading, None)
        except OSError as error:
            log.warning("not_sampled", error=str(error))
            self._timer = loop.call_later(self._step, self._tick)
            return
        if more is None:
            self._take(procs or {}, self._now())
        self.cpu_seconds += time.thread_time() - began
        if more is not None:
            self._timer = loop.call_soon(self._slice, reading, more)
            return
        self._timer = loop.call_later(
            min(FIRST_STEP, self._step) if self._row < 2 else self._step, self._tick
        )

    def _take(self, procs: dict[int, Proc], now: Now) -> None:
        """Draw the figures from a sweep."""
        running = self._running(procs)
        runs = {r.run: pid for pid, r in running.items()}
        found = trees(procs, running, self._keeper_pid, lambda pid: self._adopted(pid, runs))
        self._census.nobodys(procs, {pid for pids in found.values() for pid in pids})
        before, self._usage = self._usage, {}
        last, self._last = self._last, Sweep(time.monotonic(), procs)
        for leader, pids in found.items():
            r = running[leader]
            self._usage[r.id] = seen(r, pids, before.get(r.id), last, self._last)
        self._credit_scripts(before)
        self._forget(lambda id: id not in self._world.replicas)
        self._remember(now)
        self.sweeps += 1
        self.swept_at = now.wall
        self._row += 1
        if self._row >= 2:
            self._wake()
        self._judge()

    def _running(self, procs: dict[int, Proc]) -> dict[int, Replica]:
        """Return the replicas whose processes were read, by pid; a script's is its host's."""
        tasks = self._world.tasks
        scripts = {name for name, task in tasks.items() if task.spec.type.is_script}
        running: dict[int, Replica] = {}
        for r in self._world.replicas.values():
            pid = r.pid
            if pid is None or pid not in procs or not r.alive or r.id.task in scripts:
                continue
            if r.ticks is None or r.ticks == procs[pid].start:
                running[pid] = r
        return running

    def _credit_scripts(self, before: Mapping[ReplicaId, Usage]) -> None:
        """What a script's own host uses is the script's, or its first replica's."""
        for host in [id for id in self._usage if is_own_host(id.task)]:
            replicas = self._world.replicas_of(script_of(host.task))
            r = next((r for r in replicas if r.alive and r.pid is not None), None)
            if r is not None:
                usage = self._usage[host]
                spent = _spent_since(before.get(host), usage)
                seen = before.get(r.id)
                if seen is not None and seen.run == r.run:
                    spent += seen.cpu_seconds
                self._usage[r.id] = replace(usage, run=r.run, cpu_seconds=spent)

    def _adopted(self, pid: int, runs: dict[int, int]) -> int | None:
        run = marked_run(pid, self._mark_base)
        return None if run is None else runs.get(run)

    def _remember(self, now: Now) -> None:
        if not self._row:
            return  # The use of CPU would be the mean since long ago.
        for id, usage in self._usage.items():
            if usage.cpu is not None and not is_internal(id.task):
                point = Point(now.wall, usage.cpu, usage.rss, usage.threads, usage.fds or 0)
                series = self._series.get(id)
                if series is None:
                    series = self._series[id] = Series()
                series.add(point)

    def _judge(self) -> None:
        """Have runs ended that use more than their task allows, each once."""
        events: list[Event] = []
        bounds = {
            name: watched(task.spec.limits, self._controllers)
            for name, task in self._world.tasks.items()
        }
        for id, usage in self._usage.items():
            bound = bounds[id.task]
            if bound is None or usage.rss <= bound[1] or self._judged.get(id) == usage.run:
                continue
            if self._world.replicas[id].state is State.UP:
                self._judged[id] = usage.run
                events.append(Unhealthy(id, usage.run, _too_much(usage.rss, *bound)))
        if events:
            self._dispatch(events)

    def _forget(self, gone: Callable[[ReplicaId], bool]) -> None:
        for kept in (self._series, self._judged, self._usage):
            for id in [id for id in kept if gone(id)]:
                del kept[id]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _spent_since(before: Usage | None, usage: Usage) -> float:
    """Return the CPU time of a host since the reading before."""
    known = before is not None and before.run == usage.run
    return usage.cpu_seconds - (before.cpu_seconds if known and before else 0.0)


def _too_much(rss: int, name: str, most: int) -> str:
    return f"memory {_mib(rss)} over {name} {_mib(most)}"


def _mib(size: int) -> str:
    return f"{size / MIB:.0f} MiB" if size >= 10 * MIB else f"{size / MIB:.2f} MiB"

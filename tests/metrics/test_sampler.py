from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from proctor.core.events import Event, Spawned, Unhealthy
from proctor.core.model import Note, ReplicaId
from proctor.core.spec import Limits, Spec, TaskType
from proctor.core.world import World
from proctor.metrics.sampler import KEEP, Sampler
from proctor.testing import FakeClock, never

STEP = 0.01
WEB = ReplicaId("web", 0)


@contextmanager
def shell(script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A shell in a session of its own, which has printed a line when this begins."""
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def world_with(pid: int, limits: Limits | None = None) -> World:
    """A world whose only task has one replica, which is up."""
    world, now = World(never), FakeClock().now()
    spec = Spec("web", TaskType.DAEMON, "x", limits=limits or Limits())
    world.put(world.new_task(spec, now), now)
    world.settle(now)
    world.handle(Spawned(WEB, world.replicas[WEB].run, pid), now)
    world.settle(now)
    return world


def make(world: World, clock: FakeClock, events: list[Event] | None = None) -> Sampler:
    def dispatch(news: Sequence[Event]) -> None:
        assert events is not None
        events.extend(news)

    return Sampler(world, dispatch, clock.now, step=STEP)


async def until_idle(sampler: Sampler) -> None:
    async with asyncio.timeout(30):
        while sampler.running:
            await asyncio.sleep(STEP)


async def sweep(sampler: Sampler, times: int) -> None:
    wanted = sampler.sweeps + times
    async with asyncio.timeout(30):
        while sampler.sweeps < wanted:
            await asyncio.sleep(STEP)


def test_nothing_is_sampled_until_somebody_asks_and_a_minute_later_no_more() -> None:
    async def main() -> None:
        clock = FakeClock()
        sampler = make(world_with(os.getpid()), clock)
        sampler.look_for_bounds()
        sampler.on_notes(1, [Note(0.0, "replica.up", "web", 0)])
        await asyncio.sleep(STEP * 3)
        assert not sampler.running
        assert sampler.sweeps == 0

        await sampler.ready()
        assert sampler.running
        clock.advance(KEEP + 1)
        await until_idle(sampler)
        swept = sampler.sweeps

        await asyncio.sleep(STEP * 3)
        assert sampler.sweeps == swept

    asyncio.run(main())


def test_a_tree_of_many_processes_is_counted_whole() -> None:
    script = "for i in $(seq 150); do sleep 100 & done; echo; wait"

    async def main(pid: int) -> None:
        sampler = make(world_with(pid), FakeClock())
        await sampler.ready()
        usage = sampler.usage(WEB)
        sampler.close()

        assert usage is not None
        assert len(usage.pids) == 151
        assert usage.threads == 151
        assert usage.rss > 150 * 100_000
        assert usage.fds is not None
        assert usage.fds >= 3 * 151
        assert usage.cpu is not None

    with shell(script) as process:
        asyncio.run(main(process.pid))


def test_a_run_over_its_bound_is_ended_once_though_nobody_asks() -> None:
    async def main() -> None:
        events: list[Event] = []
        world = world_with(os.getpid(), Limits(memory_restart=1 << 20))
        sampler = make(world, FakeClock(), events)
        sampler.look_for_bounds()
        await sweep(sampler, 4)
        sampler.close()

        (event,) = events
        assert isinstance(event, Unhealthy)
        assert (event.id, event.run) == (WEB, world.replicas[WEB].run)
        assert event.reason.startswith("memory ")
        assert event.reason.endswith(" MiB over memory_restart 1.00 MiB")

    asyncio.run(main())


def test_a_run_below_its_bound_goes_on() -> None:
    async def main() -> None:
        events: list[Event] = []
        world = world_with(os.getpid(), Limits(memory_restart=1 << 40))
        sampler = make(world, FakeClock(), events)
        sampler.on_notes(1, [Note(0.0, "replica.up", "web", 0)])
        await sweep(sampler, 3)
        sampler.close()

        assert events == []

    asyncio.run(main())


def test_a_pid_that_is_another_process_by_now_is_not_taken_for_the_replica() -> None:
    async def main() -> None:
        world = world_with(os.getpid())
        world.replicas[WEB] = replace(world.replicas[WEB], ticks=1)
        sampler = make(world, FakeClock())
        await sampler.ready()
        sampler.close()

        assert sampler.usage(WEB) is None

    asyncio.run(main())


def test_history_goes_with_the_task() -> None:
    async def main() -> None:
        sampler = make(world_with(os.getpid()), FakeClock())
        await sampler.ready()
        sampler.close()
        series = sampler.series(WEB)
        assert series is not None
        assert series.fine.points(0)

        sampler.on_notes(1, [Note(0.0, "task.removed", "web")])

        assert sampler.series(WEB) is None

    asyncio.run(main())

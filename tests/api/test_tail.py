"""The last events in memory: what a follower sees, and what is kept for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from proctor.api import tail
from proctor.api.tail import Behind, Tail
from proctor.core.changes import Changes
from proctor.core.model import Note
from proctor.history import History, Retention
from proctor.store.store import Store


class World:
    """A store and a history in which things happen."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.history = History(self.store, Retention(events=100_000))
        self.tail = Tail(self.store, self.history)

    def happen(self, count: int) -> None:
        notes = [Note(1.0, "replica.up", "web", 0, n) for n in range(count)]
        self.store.save(Changes(notes=notes))
        self.history.saved([], notes, 1.0)

    async def follow(self, at: int, until: int) -> list[int]:
        """Return the ids that a follower sees up to `until`."""
        found: list[int] = []
        async with aclosing(self.tail.batches(at, None)) as batches:
            async for batch in batches:
                assert len(batch) <= tail.PAGE
                found += [event.id for event in batch]
                if found[-1] >= until:
                    return found
        raise AssertionError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "proctor.db")
    yield world
    world.store.close()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 30))


def test_a_follower_goes_from_the_store_to_the_present_without_gap_or_repeat(world: World) -> None:
    async def work() -> None:
        world.happen(3000)
        early = asyncio.create_task(world.follow(0, 9000))
        for _ in range(600):
            world.happen(10)
            await asyncio.sleep(0)
        late = await world.follow(8990, 9000)

        assert await early == list(range(1, 9001))
        assert late == list(range(8991, 9001))

    run(work)


def test_one_that_is_slow_costs_no_memory_and_reads_on_from_the_store(world: World) -> None:
    async def work() -> None:
        async with aclosing(world.tail.batches(0, None)) as batches:
            world.happen(1)
            first = await anext(batches)
            for _ in range(30):
                world.happen(1000)
            found = [event.id for event in first]
            assert len(world.tail._recent) <= 2 * tail.RECENT
            while found[-1] < 30_001:
                found += [event.id for event in await anext(batches)]

            assert found == list(range(1, 30_002))

    run(work)


def test_one_that_is_too_slow_is_told(world: World) -> None:
    async def work() -> None:
        async with aclosing(world.tail.batches(0, None)) as batches:
            world.happen(1)
            await anext(batches)
            for _ in range(30):
                world.happen(1000)
            world.store.prune_events(5000)

            with pytest.raises(Behind):
                await anext(batches)

    run(work)


def test_many_things_in_a_row_wake_a_follower_a_few_times(world: World) -> None:
    async def work() -> None:
        batches = 0
        seen = 0
        async with aclosing(world.tail.batches(0, None)) as follower:
            pending = asyncio.ensure_future(anext(follower))
            for _ in range(400):
                await asyncio.sleep(0)
                world.happen(1)
            while seen < 400:
                seen += len(await pending)
                batches += 1
                pending = asyncio.ensure_future(anext(follower))
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)

        assert batches < 200

    run(work)


def test_while_nobody_follows_nothing_is_kept(world: World) -> None:
    async def work() -> None:
        world.happen(10)
        assert await world.follow(0, 10) == list(range(1, 11))
        world.happen(10)

        assert world.tail._recent == []
        assert world.history._listeners == []

    run(work)


def test_the_end_of_the_service_ends_it(world: World) -> None:
    async def work() -> None:
        stopping = asyncio.Event()
        async with aclosing(world.tail.batches(0, stopping)) as batches:
            pending = asyncio.ensure_future(anext(batches, None))
            await asyncio.sleep(0)
            stopping.set()

            assert await pending in (None, ())

    run(work)

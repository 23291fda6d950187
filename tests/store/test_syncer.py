"""What was saved is safe on the disk before anybody is told so."""

import asyncio
import os

import pytest

from proctor.core.changes import Changes
from proctor.core.errors import StorageFailed
from proctor.store.store import Store
from proctor.store.syncer import Syncer


class CountingStore(Store):
    """Counts its syncs, and lets a test hold them up."""

    syncs = 0

    def sync(self):
        self.syncs += 1
        super().sync()


@pytest.fixture
def store(tmp_path):
    store = CountingStore(tmp_path / "proctor.db")
    yield store
    store.close()


def break_disk(store):
    """Have every sync fail: a pipe cannot be synced."""
    read, write = os.pipe()
    os.dup2(write, store._log.fileno(), inheritable=False)
    os.close(read)
    os.close(write)


def test_a_wait_syncs_what_was_saved_before_it_and_only_then(store):
    async def story():
        syncer = Syncer(store)
        await syncer.wait()
        assert store.syncs == 0
        store.save(Changes())
        await syncer.wait()
        await syncer.wait()
        assert store.syncs == 1

    asyncio.run(story())


def test_all_who_wait_share_a_sync(store):
    async def story():
        syncer = Syncer(store)
        store.save(Changes())
        await asyncio.gather(*(syncer.wait() for _ in range(20)))
        assert store.syncs == 1

    asyncio.run(story())


def test_a_save_during_a_sync_takes_another_one(store):
    async def story():
        syncer = Syncer(store)
        store.save(Changes())
        first = asyncio.create_task(syncer.wait())
        await asyncio.sleep(0)  # The sync has begun, in its thread.
        await asyncio.sleep(0)
        store.save(Changes())
        await syncer.wait()
        await first
        assert store.syncs == 2

    asyncio.run(story())


def test_who_waits_in_vain_is_told_and_the_next_one_tries_again(store):
    async def story():
        syncer = Syncer(store)
        store.save(Changes())
        good = os.dup(store._log.fileno())
        break_disk(store)
        answers = await asyncio.gather(syncer.wait(), syncer.wait(), return_exceptions=True)
        assert [type(answer) for answer in answers] == [StorageFailed] * 2
        os.dup2(good, store._log.fileno(), inheritable=False)
        os.close(good)
        await syncer.wait()
        assert store.syncs == 2

    asyncio.run(story())


def test_one_that_gives_up_waiting_takes_nothing_from_the_others(store):
    async def story():
        syncer = Syncer(store)
        store.save(Changes())
        impatient = asyncio.create_task(syncer.wait())
        other = asyncio.create_task(syncer.wait())
        await asyncio.sleep(0)
        impatient.cancel()
        await other
        assert impatient.cancelled()

    asyncio.run(story())

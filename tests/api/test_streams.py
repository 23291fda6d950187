"""Streams end with who reads them."""

from __future__ import annotations

import asyncio

import pytest

from proctor.api.streams import Mailbox


@pytest.mark.parametrize("stoppable", [False, True])
def test_a_reader_that_is_cancelled_while_it_waits_leaves_no_task_behind(stoppable: bool) -> None:
    async def follow(mailbox: Mailbox[str], stopping: asyncio.Event | None) -> None:
        async for _ in mailbox.batches(stopping):
            pass

    async def scene() -> set[asyncio.Task[object]]:
        mailbox: Mailbox[str] = Mailbox(10)
        stopping = asyncio.Event() if stoppable else None
        before = asyncio.all_tasks()
        reader = asyncio.ensure_future(follow(mailbox, stopping))
        while len(asyncio.all_tasks() - before) < 2 + stoppable:
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - before

    assert asyncio.run(scene()) == set()

from __future__ import annotations

import asyncio

from proctor.waiting import Waiting


def test_who_waits_is_asked_again_when_one_of_its_tasks_changes() -> None:
    async def main() -> None:
        waiting, asked, held = Waiting(), 0, False

        def holds() -> bool:
            nonlocal asked
            asked += 1
            return held

        waiter = asyncio.ensure_future(waiting.until(iter(["web", "db"]), holds))
        await asyncio.sleep(0)
        waiting.wake(["other"])
        await asyncio.sleep(0)
        assert asked == 1

        waiting.wake(["db"])
        await asyncio.sleep(0)
        assert asked == 2

        held = True
        waiting.wake(["web", "db"])
        await waiter
        assert asked == 3

    asyncio.run(main())


def test_any_change_wakes_who_waits_for_any() -> None:
    async def main() -> None:
        waiting, held = Waiting(), False
        waiter = asyncio.ensure_future(waiting.until([""], lambda: held))
        await asyncio.sleep(0)
        held = True
        waiting.wake(["web"])
        await waiter

    asyncio.run(main())


def test_who_gives_up_leaves_nothing_behind() -> None:
    async def main() -> None:
        waiting = Waiting()
        waiters = [
            asyncio.ensure_future(waiting.until(["web", "db"], lambda: False)) for _ in range(3)
        ]
        await asyncio.sleep(0)
        assert len(waiting) == 6

        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)

        assert len(waiting) == 0

    asyncio.run(main())

"""Wait until the disk holds what was saved."""

from __future__ import annotations

import asyncio

from .store import Store


class Syncer:
    """One sync at a time, in another thread, shared by all who wait when it begins.

    A disk takes from a tenth of a millisecond to some tens for it, and nobody else waits so long.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held = store.saves
        self._running: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Return when all that was saved until now would outlive a power cut.

        Raises StorageFailed.
        """
        wanted = self._store.saves
        while self._held < wanted:
            if self._running is None:
                self._running = asyncio.create_task(self._sync())
            await asyncio.shield(self._running)

    async def _sync(self) -> None:
        saves = self._store.saves
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._store.sync)
        finally:
            self._running = None
        self._held = saves

"""Who waits for tasks to change."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable


class Waiting:
    """Those that wait until something holds, by the tasks it depends on; "" stands for any."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    def __len__(self) -> int:
        """Return how often somebody waits for a task."""
        return sum(map(len, self._waiting.values()))

    async def until(self, names: Iterable[str], holds: Callable[[], bool]) -> None:
        """Return when `holds()`, which is asked again whenever one of the tasks has changed."""
        of = list(names)
        while not holds():
            future = asyncio.get_running_loop().create_future()
            for name in of:
                self._waiting[name].append(future)
            try:
                await future
            finally:
                self._forget(of, future)

    def wake(self, changed: Iterable[str]) -> None:
        for name in [*changed, ""]:
            for future in self._waiting.pop(name, ()):
                if not future.done():
                    future.set_result(None)

    def _forget(self, names: list[str], future: asyncio.Future[None]) -> None:
        """Take it out where nothing has changed: who gave up would stay for ever."""
        for name in names:
            futures = self._waiting.get(name, [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._waiting.pop(name, None)

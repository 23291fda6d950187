"""Who wants to know that a log has grown, and when they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from proctor.core.model import ReplicaId

INTERVAL = 0.02
Callback = Callable[[ReplicaId, int], None]


class Followers:
    """Tells followers about growth at most every `INTERVAL`, and always about the last.

    `add` may be called in any thread, all else by the writer's only.  Costs a look into an empty
    dict when nobody follows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[ReplicaId | None, tuple[Callback, ...]] = {}
        self._told: dict[ReplicaId, float] = {}
        self._most_told = 16
        self._grown: dict[ReplicaId, int] = {}

    def add(self, id: ReplicaId | None, callback: Callback) -> Callable[[], None]:
        """Tell of one replica or, for None, of all; return what ends that."""
        with self._lock:
            self._callbacks[id] = (*self._callbacks.get(id, ()), callback)

        def remove() -> None:
            with self._lock:
                left = list(self._callbacks.get(id, ()))
                if callback in left:
                    left.remove(callback)
                self._callbacks[id] = tuple(left)
                if not left:
                    del self._callbacks[id]

        return remove

    def grew(self, id: ReplicaId, end: int) -> None:
        if id in self._callbacks or None in self._callbacks:
            self._grown[id] = end

    def tell(self, now: float) -> float | None:
        """Tell who is due; return the seconds until the next is, None if nothing is left."""
        if not self._grown:
            return None
        wait = INTERVAL
        for id, end in list(self._grown.items()):
            left = self._told.get(id, 0.0) + INTERVAL - now
            if left > 0:
                wait = min(wait, left)
                continue
            del self._grown[id]
            self._told[id] = now
            for callback in (*self._callbacks.get(id, ()), *self._callbacks.get(None, ())):
                callback(id, end)
        self._forget(now)
        return wait if self._grown else None

    def _forget(self, now: float) -> None:
        if len(self._told) > self._most_told:
            self._told = {id: at for id, at in self._told.items() if now - at < INTERVAL}
            self._most_told = 2 * len(self._told) + 16

"""Coroutines taking turns.

A scheduler belongs to one thread.  `run` is all a command line needs; a program
that embeds it calls `step` in its own loop, or gives its own file descriptors to
`add_reader`.
"""

from __future__ import annotations

import time
from _heapq import heappop, heappush  # heapq imports its other half too
from collections import deque
from collections.abc import Callable

from greenlet import GreenletExit, getcurrent, greenlet

from .builtin import running
from .compiler import STRING, Program, compile_file, compile_text
from .coroutine import SLICE, Coroutine, Done
from .errors import CompileError, MelangError
from .host import LocalHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from selectors import BaseSelector
    from typing import Any

    from .host import Host

__all__ = ["TIMEOUT", "CompileError", "Coroutine", "Scheduler", "compile_file", "compile_text"]

POLL_INTERVAL = 0.001  # how often file descriptors are looked at while scripts compute


class Timeout:
    """The type of TIMEOUT."""

    def __repr__(self) -> str:
        return "TIMEOUT"


TIMEOUT = Timeout()  # what `suspend` answers when nobody woke the coroutine in time


class Scheduler:
    """Runs coroutines, one at a time, each for a slice."""

    def __init__(self, host: Host | None = None) -> None:
        self.host: Host = host if host is not None else LocalHost()
        self.resources: dict[str, Any] = {}  # what libraries keep for all coroutines
        self.coroutines: dict[Coroutine, None] = {}  # those that live, oldest first
        self.aliases: dict[bytes, Coroutine] = {}
        self.ready: deque[Coroutine] = deque()
        self.timers: list[tuple[float, int, Coroutine]] = []
        self.waits = 0  # the number of the last wait
        self.hub: greenlet = getcurrent()
        self.selector: BaseSelector | None = None
        self.readers: dict[int, Callable[[], None]] = {}
        self.writers: dict[int, Callable[[], None]] = {}
        self.last_poll = 0.0

    def spawn(
        self,
        source: bytes | str | Program,
        *,
        name: str = STRING,
        data: Any = None,
        alias: bytes | None = None,
        sink: Callable[[bytes], None] | None = None,
        done: Done | None = None,
    ) -> Coroutine:
        """Start a script at the end of the queue.

        `source` is a text (bytes; `name` is what errors call it), the path of a file
        (str) or a program that is compiled already.  `data` becomes EVAL_DATA.
        `sink` gets what it prints, the host's `write` if there is none.  `done` is
        called once, with None or with the error, which has been printed ("killed"
        for one that was killed).  Raises CompileError.
        """
        if isinstance(source, str):
            source = compile_file(source)
        elif isinstance(source, bytes):
            source = compile_text(source, name)
        co = Coroutine(self, source, alias=alias, sink=sink or self.host.write, done=done)
        co.globals["EVAL_DATA"] = data
        self.coroutines[co] = None
        if alias is not None:
            self.aliases[alias] = co
        self.ready.append(co)
        return co

    def kill(self, co: Coroutine) -> None:
        """End a coroutine where it is."""
        if co.ended:
            return
        current = getcurrent()
        if co.greenlet is current:
            raise GreenletExit
        if co in self.ready:
            self.ready.remove(co)
        if co.greenlet is None:
            co.finish("killed")
            return
        before = getattr(running, "co", None)
        running.co = co
        co.greenlet.parent = current
        co.greenlet.throw(GreenletExit)
        if before is not None:
            running.co = before

    def ended(self, co: Coroutine) -> None:
        """Forget a coroutine; called by itself."""
        self.coroutines.pop(co, None)
        if co.alias is not None and self.aliases.get(co.alias) is co:
            del self.aliases[co.alias]
        co.wait = 0

    def suspend(self, co: Coroutine, timeout: float | None = None) -> Any:
        """Wait in a library function, until `wake` or for so many seconds.

        Returns the value that `wake` was given, or TIMEOUT.
        """
        self.waits += 1
        co.wait = self.waits
        if timeout is not None:
            heappush(self.timers, (time.monotonic() + timeout, co.wait, co))
        self.hub.switch()
        value, co.waking = co.waking, None
        if isinstance(value, MelangError):
            raise value
        return value

    def wake(self, co: Coroutine, value: Any = None) -> bool:
        """Let a coroutine that is suspended go on, in its turn; answer whether it was."""
        if not co.wait:
            return False
        co.wait = 0
        co.waking = value
        self.ready.append(co)
        return True

    def slice_over(self, co: Coroutine) -> None:
        """Give way to the others, if there are any; called by compiled code."""
        if not self.ready:
            now = time.monotonic()
            due = bool(self.timers) and self.timers[0][0] <= now
            polls = (self.readers or self.writers) and now - self.last_poll >= POLL_INTERVAL
            if not due and not polls:
                co.globals[".ticks"] = SLICE
                return
        self.ready.append(co)
        self.hub.switch()

    def next_deadline(self) -> float | None:
        """Return the monotonic time at which `step` has something to do, None if never.

        File descriptors may of course be ready sooner.
        """
        if self.ready:
            return time.monotonic()
        self._drop_stale_timers()
        return self.timers[0][0] if self.timers else None

    def step(self, timeout: float | None = 0.0) -> bool:
        """Wait at most so long for something to do, then give every ready coroutine a slice.

        None waits as long as it takes.  Answers whether any coroutine lives.
        """
        self.hub = getcurrent()
        self.poll(timeout)
        for _ in range(len(self.ready)):
            if not self.ready:
                break
            self._resume(self.ready.popleft())
        return bool(self.coroutines)

    def run(self) -> None:
        """Run until no coroutine lives."""
        while self.coroutines:
            self.step(None)

    def _resume(self, co: Coroutine) -> None:
        if co.ended:
            return
        if co.greenlet is None:
            co.greenlet = greenlet(co.run, self.hub)
        elif co.greenlet.parent is not self.hub:
            co.greenlet.parent = self.hub
        running.co = co
        co.globals[".ticks"] = SLICE
        co.greenlet.switch()

    def poll(self, timeout: float | None) -> None:
        """Wake coroutines whose time has come, and call back for file descriptors."""
        deadline = self.next_deadline()
        now = time.monotonic()
        if deadline is not None:
            left = max(0.0, deadline - now)
            timeout = left if timeout is None else min(left, timeout)
        if self.selector is not None and (self.readers or self.writers):
            if timeout != 0 or now - self.last_poll >= POLL_INTERVAL:
                self._select(timeout)
        elif timeout is None:
            time.sleep(POLL_INTERVAL * 1000)
        elif timeout > 0:
            time.sleep(timeout)
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, wait, co = heappop(self.timers)
            if co.wait == wait:
                self.wake(co, TIMEOUT)

    def _drop_stale_timers(self) -> None:
        while self.timers and self.timers[0][2].wait != self.timers[0][1]:
            heappop(self.timers)

    def _select(self, timeout: float | None) -> None:
        assert self.selector is not None
        for key, events in self.selector.select(timeout):
            if events & 1 and (reader := self.readers.get(key.fd)) is not None:
                reader()
            if events & 2 and (writer := self.writers.get(key.fd)) is not None:
                writer()
        self.last_poll = time.monotonic()

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever the descriptor can be read, until `remove_reader`."""
        self.readers[fd] = callback
        self._watch(fd)

    def add_writer(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever the descriptor can be written, until `remove_writer`."""
        self.writers[fd] = callback
        self._watch(fd)

    def remove_reader(self, fd: int) -> None:
        """Stop watching for input; nothing happens if nobody was."""
        if self.readers.pop(fd, None) is not None:
            self._watch(fd)

    def remove_writer(self, fd: int) -> None:
        """Stop watching for room; nothing happens if nobody was."""
        if self.writers.pop(fd, None) is not None:
            self._watch(fd)

    def _watch(self, fd: int) -> None:
        """Tell the selector what is wanted of a descriptor."""
        if self.selector is None:
            from selectors import DefaultSelector

            self.selector = DefaultSelector()
        events = (1 if fd in self.readers else 0) | (2 if fd in self.writers else 0)
        known = fd in self.selector.get_map()
        if events and known:
            self.selector.modify(fd, events)
        elif events:
            self.selector.register(fd, events)
        elif known:
            self.selector.unregister(fd)

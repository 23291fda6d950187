"""An epoll loop with timers, and signals as bytes.  Nothing that a handler raises ends it."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from .log import log_exception

Handler = Callable[[int], object]
_CAUGHT = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def guard(call: Callable[..., object], *args: Any) -> None:
    """Call it; whatever goes wrong is logged and goes no further: the keeper must live."""
    try:
        call(*args)
    except Exception:
        log_exception("keeper fault")


class Loop:
    """Descriptors with their handlers, which get the epoll events, and named timers."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, tuple[Handler, int]] = {}
        self._timers: dict[str, tuple[float, Callable[[], object]]] = {}

    def watch(self, fd: int, handler: Handler, events: int = select.EPOLLIN) -> None:
        """Add `fd`, or change what is watched of it."""
        known = self._handlers.get(fd)
        if known is None:
            self._epoll.register(fd, events)
        elif known[1] != events:
            self._epoll.modify(fd, events)
        self._handlers[fd] = (handler, events)

    def unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None):
            self._epoll.unregister(fd)

    def after(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        """Call `action` once; a timer of the same name is replaced."""
        self._timers[name] = (time.monotonic() + seconds, action)

    def cancel(self, name: str) -> None:
        self._timers.pop(name, None)

    def turn(self, deadline: float | None) -> None:
        """Wait for descriptors, timers or the deadline (monotonic), and call the handlers."""
        dues = [due for due, _ in self._timers.values()]
        if deadline is not None:
            dues.append(deadline)
        wait = max(0.0, min(dues) - time.monotonic()) if dues else None
        for fd, what in self._epoll.poll(wait):
            if known := self._handlers.get(fd):
                guard(known[0], what)
        now = time.monotonic()
        for name, timer in list(self._timers.items()):
            if timer[0] <= now and self._timers.get(name) is timer:
                del self._timers[name]
                guard(timer[1])


def catch_signals() -> int:
    """Return a descriptor that yields the number of each signal that arrives, a byte each."""
    out, end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    for number in _CAUGHT:
        # Started by nohup, a hang-up is to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return out

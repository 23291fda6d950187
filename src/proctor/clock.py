"""The two clocks, and a timer for the one that people set.

Durations are waited for by the event loop, on the monotonic clock.  A moment of the calendar needs
a timer that knows when the clock is set, or when the machine has slept: `WallTimer`.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import time
from collections.abc import Callable
from typing import Protocol

from .core.model import Now

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_CANCEL_ON_SET = 2  # TFD_TIMER_CANCEL_ON_SET
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_NONBLOCK and TFD_CLOEXEC are these


class Clock(Protocol):
    def now(self) -> Now: ...


class SystemClock:
    """The monotonic clock is the one asyncio's loop goes by."""

    def now(self) -> Now:
        return Now(time.monotonic(), time.time())


class TimerFd(Protocol):
    """A descriptor that is readable when its time has come, or when the clock was set."""

    fd: int

    def set(self, wall_ns: int) -> None:
        """Wait for that moment, in nanoseconds since 1970; 0: for none."""

    def clear(self) -> None:
        """Make it unreadable again.  Raises OSError, with ECANCELED if the clock was set."""


class WallTimer:
    """Calls back when the wall clock reaches the armed moment, or when somebody sets the clock.

    Rule: a call uses the armed moment up.  Whoever is called looks at the clock, does what is due,
    and arms the timer for what is not.  Nothing wakes up while nothing is due.
    """

    def __init__(
        self, on_due: Callable[[], None], *, open_timer: Callable[[], TimerFd] | None = None
    ) -> None:
        self._on_due = on_due
        self._open_timer = open_timer or _open_timer
        self._timer: TimerFd | None = None
        self._armed: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def arm(self, wall: float | None) -> None:
        """Call back at `wall` (seconds since 1970) instead of what was armed; None: not at all."""
        if wall == self._armed:
            return
        if self._timer is None:
            self._timer = self._open_timer()
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._timer.fd, self._on_readable)
        # A moment that is past fires at once; 0 would disarm.
        self._timer.set(0 if wall is None else max(1, math.ceil(wall * 1e9)))
        self._armed = wall

    def close(self) -> None:
        """Let go of the descriptor; the timer may be armed again."""
        if self._timer is not None and self._loop is not None:
            self._loop.remove_reader(self._timer.fd)
            os.close(self._timer.fd)
        self._timer = self._loop = self._armed = None

    def _on_readable(self) -> None:
        assert self._timer is not None
        try:
            self._timer.clear()
        except BlockingIOError:
            return  # it was armed anew between the wake-up and now
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
        self._armed = None
        self._on_due()


def _open_timer() -> TimerFd:
    return _OsTimerFd() if hasattr(os, "timerfd_create") else _LibcTimerFd()


class _OsTimerFd:
    """Python 3.13 and later."""

    def __init__(self) -> None:
        self._os = vars(os)  # mypy checks for 3.11, where os has no timerfd
        self.fd: int = self._os["timerfd_create"](time.CLOCK_REALTIME, flags=_FLAGS)

    def set(self, wall_ns: int) -> None:
        flags = _ABSOLUTE | _CANCEL_ON_SET
        self._os["timerfd_settime_ns"](self.fd, flags=flags, initial=wall_ns)

    def clear(self) -> None:
        os.read(self.fd, 8)


class _LibcTimerFd:
    """Before Python 3.13; ctypes is loaded here because it costs 4 ms and few need it."""

    def __init__(self) -> None:
        import ctypes

        self._libc = ctypes.CDLL(None, use_errno=True)
        self._get_errno = ctypes.get_errno
        # struct itimerspec: interval and initial expiration, each (time_t seconds, long ns).
        self._itimerspec = ctypes.c_long * 4
        self.fd: int = self._checked(self._libc.timerfd_create(time.CLOCK_REALTIME, _FLAGS))

    def set(self, wall_ns: int) -> None:
        spec = self._itimerspec(0, 0, *divmod(wall_ns, 10**9))
        flags = _ABSOLUTE | _CANCEL_ON_SET
        self._checked(self._libc.timerfd_settime(self.fd, flags, spec, None))

    def clear(self) -> None:
        os.read(self.fd, 8)

    def _checked(self, result: int) -> int:
        if result < 0:
            code = self._get_errno()
            raise OSError(code, os.strerror(code))
        return result

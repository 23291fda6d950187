"""The wall timer on real descriptors, and what it does when the clock is set."""

import asyncio
import errno
import os
import time
from collections.abc import Iterator

import pytest

from proctor import clock
from proctor.clock import SystemClock, TimerFd, WallTimer

pytestmark = pytest.mark.anyio

KINDS = [clock._LibcTimerFd]
if hasattr(os, "timerfd_create"):
    KINDS.append(clock._OsTimerFd)  # type: ignore[arg-type]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Calls:
    """Counts calls and lets a test wait for the next."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._called = asyncio.Event()

    def __call__(self) -> None:
        self.times.append(time.time())
        self._called.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._called.wait(), 20)
        self._called.clear()


@pytest.fixture
async def calls() -> Calls:
    return Calls()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def timer(calls: Calls, request: pytest.FixtureRequest) -> Iterator[WallTimer]:
    timer = WallTimer(calls, open_timer=request.param)
    yield timer
    timer.close()


async def test_it_calls_when_the_moment_has_come_and_not_before(
    timer: WallTimer, calls: Calls
) -> None:
    due = time.time() + 0.05

    timer.arm(due)
    await calls.wait()

    assert calls.times[0] >= due


async def test_a_moment_that_is_past_calls_at_once(timer: WallTimer, calls: Calls) -> None:
    for past in (time.time() - 3600, 0.0, -5.0):
        timer.arm(past)
        await calls.wait()

    assert len(calls.times) == 3


async def test_a_call_uses_the_moment_up(timer: WallTimer, calls: Calls) -> None:
    past = time.time() - 1

    timer.arm(past)
    await calls.wait()
    timer.arm(past)
    await calls.wait()

    assert len(calls.times) == 2


async def test_arming_anew_replaces_what_was_armed(timer: WallTimer, calls: Calls) -> None:
    now = time.time()

    timer.arm(now + 3600)
    timer.arm(now + 0.05)
    await calls.wait()

    assert len(calls.times) == 1
    assert calls.times[0] >= now + 0.05


async def test_a_timer_that_is_disarmed_does_not_call(timer: WallTimer, calls: Calls) -> None:
    timer.arm(time.time() + 0.03)
    timer.arm(None)
    later = WallTimer(again := Calls())
    later.arm(time.time() + 0.1)
    await again.wait()
    later.close()

    assert calls.times == []


async def test_no_descriptor_is_opened_before_something_is_armed(calls: Calls) -> None:
    def refuse() -> TimerFd:
        raise AssertionError("opened")

    timer = WallTimer(calls, open_timer=refuse)

    timer.arm(None)
    timer.close()


async def test_a_closed_timer_leaves_no_descriptor_and_can_be_armed_again(
    timer: WallTimer, calls: Calls
) -> None:
    timer.arm(time.time() + 3600)
    assert timer._timer is not None
    fd = timer._timer.fd
    timer.close()

    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)

    timer.arm(time.time())
    await calls.wait()


class SetClock:
    """A timer whose clock is being set: readable, and then ECANCELED."""

    def __init__(self) -> None:
        self.fd, self._other = os.pipe()
        self.sets: list[int] = []

    def set(self, wall_ns: int) -> None:
        if not self.sets:
            os.write(self._other, b"!")
            os.close(self._other)
        self.sets.append(wall_ns)

    def clear(self) -> None:
        os.read(self.fd, 1)
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


async def test_a_clock_that_is_set_calls_and_the_moment_can_be_armed_again() -> None:
    timer_fd = SetClock()
    calls = 0

    def on_due() -> None:
        nonlocal calls
        calls += 1
        timer.arm(1e10)
        timer.close()
        done.set()

    done = asyncio.Event()
    timer = WallTimer(on_due, open_timer=lambda: timer_fd)
    timer.arm(1e10)
    await asyncio.wait_for(done.wait(), 20)

    assert calls == 1
    assert timer_fd.sets == [10**19, 10**19]


async def test_both_clocks_go_forward_and_the_monotonic_one_is_the_loops() -> None:
    first, second = SystemClock().now(), SystemClock().now()

    assert second.mono >= first.mono
    assert abs(second.wall - time.time()) < 60
    assert abs(second.mono - asyncio.get_running_loop().time()) < 60

"""How a library waits for a call that blocks: in a thread, while other coroutines go on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from ..coroutine import Coroutine

    T = TypeVar("T")


def elsewhere(co: Coroutine, work: Callable[[], T]) -> T:
    """Return what `work` returns or raise what it raises; only `co` waits for it.

    `work` must not touch values of the script.  If the coroutine is killed meanwhile,
    the thread goes on by itself and its result is dropped.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done, report = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    armed = True

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # raised again where it can be dealt with
            errors.append(error)
        finally:
            os.close(report)  # the reader sees the end of the pipe

    def finished() -> None:
        nonlocal armed
        armed = False  # once: the loop may run again before `co` does
        co.scheduler.remove_reader(done)
        co.scheduler.wake(co, None)

    threading.Thread(target=run, daemon=True).start()
    co.scheduler.add_reader(done, finished)
    try:
        co.scheduler.suspend(co)
    finally:
        if armed:
            co.scheduler.remove_reader(done)
        os.close(done)
    if errors:
        raise errors[0]
    return results[0]

"""The manager as a child process: when it is started again, and how it is started."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence

from .launch import launch
from .link import Link

HELD_ON = 1.0  # A manager that said hello and lived this long has started well.
REFUSED = 2  # Its exit status when the configuration or the address cannot be used.


def restart_delay(quick_deaths: int) -> float:
    """Return the seconds to wait after so many managers in a row that died soon after start."""
    return 0.0 if quick_deaths < 2 else min(5.0, 0.1 * 2.0 ** (quick_deaths - 2))


def died_quickly(status: int, greeted: bool, lived: float) -> bool:
    """Whether a death counts against the next start: one that was killed is not at fault."""
    if not greeted:
        return lived < HELD_ON
    return lived < HELD_ON and not (
        os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    )


class Manager:
    """The current manager, if there is one: `pid` 0 and `link` None when not.

    `generation` counts managers from 1; `greeted` says that this one said hello.
    """

    def __init__(self, argv: Sequence[str], first: tuple[int, socket.socket] | None = None) -> None:
        self.argv = list(argv)
        self._first = first
        self.generation = 0
        self.pid = 0
        self.link: Link | None = None
        self.greeted = False
        self.began = 0.0
        self.quick_deaths = 0

    @property
    def waits(self) -> bool:
        """Whether one was started before us, which `start` will take."""
        return self._first is not None

    def start(self) -> Link:
        """Start one, or take the first one, which runs already.  Raises OSError."""
        if self._first is not None:
            self.pid, ours = self._first
            self._first = None
        else:
            self.pid, ours = launch(self.argv)
        self.generation += 1
        self.greeted = False
        self.began = time.monotonic()
        self.link = Link(ours)
        return self.link

    def ended(self, status: int) -> None:
        """Forget it, and count how it ended."""
        quick = died_quickly(status, self.greeted, time.monotonic() - self.began)
        self.quick_deaths = self.quick_deaths + 1 if quick else 0
        self.pid = 0
        self.greeted = False

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.pid:
            os.kill(self.pid, number)

"""The commands that Melang scripts run (sys.exec), as children of the host."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

from melang.host import LocalChild, LocalHost, shell
from melang.scheduler import Scheduler

PATIENCE = 2.0
"""Seconds from SIGTERM to SIGKILL for commands whose script was stopped."""


class Commands(LocalHost):
    """Runs commands, each in a process group of its own, so that all of it ends with its script.

    They stay in the host's session, and bear its mark: what the host leaves behind the keeper ends.
    `variables` returns those of the task whose script runs at the moment.
    """

    def __init__(self, variables: Callable[[], dict[str, str]]) -> None:
        self._variables = variables
        self._ending: list[tuple[float, int]] = []  # When to kill which group, soonest first.

    def start(
        self,
        scheduler: Scheduler,
        command: bytes,
        user: str | None,
        group: str | None,
        output: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> LocalChild:
        variables = os.environ | self._variables()
        process = shell(command, user, group, env=variables, process_group=0)
        return _Child(scheduler, process, output, done, self._end)

    def work(self, now: float) -> float | None:
        """Kill what had its time to end; return the seconds until there is more to do."""
        while self._ending and self._ending[0][0] <= now:
            _signal(self._ending.pop(0)[1], signal.SIGKILL)
        return self._ending[0][0] - now if self._ending else None

    def _end(self, group: int) -> None:
        _signal(group, signal.SIGTERM)
        self._ending.append((time.monotonic() + PATIENCE, group))


class _Child(LocalChild):
    """`end` is given its process group when its script is killed."""

    def __init__(
        self,
        scheduler: Scheduler,
        process: subprocess.Popen[bytes],
        output: Callable[[bytes], None],
        done: Callable[[], None],
        end: Callable[[int], None],
    ) -> None:
        super().__init__(scheduler, process, output, done)
        self._end = end

    def kill(self) -> None:
        self._end(self.pid)
        super().kill()


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # All of it has ended, or belongs to another user by now.

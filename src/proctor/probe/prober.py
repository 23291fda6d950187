"""Performs the core's probes: each question is asked once and answered once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from proctor.core.commands import EndProbes, Probe
from proctor.core.events import Probed
from proctor.core.model import Exit
from proctor.core.spec import CheckKind, Spec
from proctor.logs.writer import LogWriter

from .lines import LineWatch

Answer = tuple[bool, str]
Report = Callable[[Probed], None]


class Executor(Protocol):
    """Runs a command as a task's replica would run it."""

    async def execute(
        self, spec: Spec, index: int, cmd: str | tuple[str, ...], timeout: float, run: int
    ) -> tuple[Exit, str]:
        """Return how the command ended and the end of what it printed.

        What lasts longer than `timeout`, or than the run, is killed, with all it started.
        """


class Notifications(Protocol):
    """Hears what runs say of themselves."""

    def expect(self, run: int, name: str, answer: Callable[[bool | None, str], None]) -> None:
        """Call `answer` whenever the run says something about the check of that name."""

    def forget(self, run: int) -> None: ...


class Prober:
    """Owns the tasks and watches that wait for answers.

    `start_task` runs a coroutine in the task group of whoever owns us.
    """

    def __init__(
        self,
        executor: Executor,
        notifications: Notifications,
        writer: LogWriter,
        log_root: Path,
        report: Report,
        start_task: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._executor = executor
        self._notifications = notifications
        self._writer = writer
        self._log_root = log_root
        self._report = report
        self._start_task = start_task
        self._loop = asyncio.get_running_loop()
        self._watches: dict[int, list[LineWatch]] = {}

    def perform(self, command: Probe | EndProbes) -> None:
        if isinstance(command, EndProbes):
            self.end(command.run)
        elif command.check.kind is CheckKind.LOG_LINE:
            self._watch(command)
        elif command.check.kind is CheckKind.NOTIFY:
            answer = partial(self._answered, command)
            self._notifications.expect(command.run, command.name, answer)
        else:
            self._start_task(self._ask(command))

    def end(self, run: int) -> None:
        """Nobody asks about this run any more, or it is over."""
        for watch in self._watches.pop(run, ()):
            watch.close()
        self._notifications.forget(run)

    def _watch(self, command: Probe) -> None:
        watch = LineWatch(
            self._writer,
            self._log_root,
            command.id,
            command.run,
            command.check.target,
            partial(self._answered, command),
            self._loop.call_soon_threadsafe,
        )
        self._watches.setdefault(command.run, []).append(watch)

    async def _ask(self, command: Probe) -> None:
        ok, text = await self._answer(command)
        self._answered(command, ok, text)

    def _answer(self, command: Probe) -> Awaitable[Answer]:
        from . import network  # HTTP and TLS take a while to load, and few services probe

        check = command.check
        match check.kind:
            case CheckKind.HTTP:
                return network.http_get(check.target, check.timeout)
            case CheckKind.TCP:
                return network.tcp(check.target, check.timeout)
            case CheckKind.FILE:
                return _exists(check.target)
            case CheckKind.EXEC:
                return self._execute(command)
        raise AssertionError(check.kind)

    async def _execute(self, command: Probe) -> Answer:
        check = command.check
        exit, output = await self._executor.execute(
            command.spec, command.id.index, check.target, check.timeout, command.run
        )
        last = output.rstrip().rpartition("\n")[2]
        return exit.ok, last or str(exit)

    def _answered(self, command: Probe, ok: bool | None, text: str) -> None:
        self._report(Probed(command.id, command.run, command.name, ok, text[:1000]))


async def _exists(path: str) -> Answer:
    found = os.path.exists(path)
    return found, f"{path} {'exists' if found else 'does not exist'}"

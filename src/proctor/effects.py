"""Who carries out which command: the keeper, the prober, the script hosts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from .core.commands import Command, EndProbes, Probe, Spawn, StopCommand
from .core.events import Event, Stepped
from .engine.base import KnownRun
from .engine.local import LocalEngine
from .engine.notify import NotifyHub
from .engine.order import uses_notify
from .probe.prober import Prober


class Effects:
    """The Engine that the manager sees.

    `start_task` runs a coroutine in the task group of the service.
    """

    def __init__(
        self,
        local: LocalEngine,
        notify: NotifyHub,
        prober: Prober,
        start_task: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._local = local
        self._notify = notify
        self._prober = prober
        self._start_task = start_task
        self._on_events: Callable[[Sequence[Event]], None]

    async def open(
        self, runs: Sequence[KnownRun], on_events: Callable[[Sequence[Event]], None]
    ) -> None:
        self._on_events = on_events
        await self._local.open(runs, on_events)

    def perform(self, commands: Iterable[Command]) -> None:
        ordinary: list[Command] = []
        for command in commands:
            match command:
                case Probe() | EndProbes():
                    self._prober.perform(command)
                case StopCommand():
                    self._start_task(self._stop(command))
                case Spawn(spec=spec) if uses_notify(spec):
                    mark = self._local.mark_base | command.run
                    self._notify.open(command.run, mark, self._local.uid_of(spec))
                    ordinary.append(command)
                case _:
                    ordinary.append(command)
        if ordinary:
            self._local.perform(ordinary)

    def acknowledge(self, runs: Iterable[int]) -> None:
        ended = list(runs)
        for run in ended:
            self._notify.close(run)
            self._prober.end(run)
        self._local.acknowledge(ended)

    async def close(self, status: int) -> None:
        await self._local.close(status)

    async def _stop(self, command: StopCommand) -> None:
        spec = command.spec
        assert spec.stop_command is not None
        await self._local.execute(spec, command.id.index, spec.stop_command, spec.stop_timeout)
        self._on_events([Stepped(command.id, command.run)])

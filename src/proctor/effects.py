"""Who carries out which command: the keeper, the prober, the script hosts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from .core.commands import Command, EndProbes, Probe, Spawn, StopCommand
from .core.events import Event, Stepped
from .core.hosts import is_internal
from .engine.base import KnownRun
from .engine.local import LocalEngine
from .engine.notify import NotifyHub
from .engine.order import uses_notify
from .engine.script import ScriptEngine
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
        scripts: ScriptEngine,
        start_task: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._local = local
        self._notify = notify
        self._prober = prober
        self._scripts = scripts
        self._start_task = start_task
        self._on_events: Callable[[Sequence[Event]], None]

    async def open(
        self, runs: Sequence[KnownRun], on_events: Callable[[Sequence[Event]], None]
    ) -> None:
        self._on_events = on_events
        scripts = [known for known in runs if self._scripts.is_script(known)]
        processes = [known for known in runs if not self._scripts.is_script(known)]
        hosts = [known for known in processes if is_internal(known.id.task)]
        self._scripts.open(scripts, hosts, on_events)
        await self._local.open(processes, self._on_processes)

    def _on_processes(self, events: Sequence[Event]) -> None:
        """Pass on what the keeper says, and after news of a script host what follows from it."""
        told: list[Event] = []
        for event in events:
            told.append(event)
            if is_internal(event.id.task):
                told += self._scripts.host_event(event)
        self._on_events(told)

    def perform(self, commands: Iterable[Command]) -> None:
        ordinary: list[Command] = []
        for command in commands:
            match command:
                case Probe() | EndProbes():
                    self._prober.perform(command)
                case StopCommand():
                    self._start_task(self._stop(command))
                case Spawn(spec=spec) if spec.type.is_script:
                    self._scripts.perform(command)
                case _ if self._scripts.knows(command.run):
                    self._scripts.perform(command)
                case Spawn(spec=spec) if uses_notify(spec):
                    if is_internal(command.id.task):
                        self._scripts.begin_host(command)
                    mark = self._local.mark_base | command.run
                    self._notify.open(command.run, mark, self._local.accounts.uid_of(spec))
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
        for run in filter(self._scripts.knows, ended):
            self._scripts.acknowledge(run)
        self._local.acknowledge(ended)

    async def close(self, status: int) -> None:
        self._scripts.close()
        await self._local.close(status)

    async def _stop(self, command: StopCommand) -> None:
        spec = command.spec
        assert spec.stop_command is not None
        exit, said = await self._local.execute(
            spec,
            command.id.index,
            spec.stop_command,
            spec.stop_timeout,
            command.run,
            lasting=True,
        )
        error = "" if exit.ok else ": ".join(filter(None, (str(exit), _last_line(said))))
        self._on_events([Stepped(command.id, command.run, error)])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""

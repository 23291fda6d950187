"""A real world and manager for /v1, over an engine whose processes do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proctor.api.app import ApiSettings, build_app
from proctor.api.ports import Service
from proctor.api.reply import App
from proctor.clock import SystemClock
from proctor.core import schedule
from proctor.core.commands import Command, Kill, Signal, Spawn, StopCommand
from proctor.core.events import Event, Exited, Gone, Spawned, SpawnFailed, Stepped
from proctor.core.model import Exit
from proctor.core.spec import Spec, TaskType
from proctor.core.world import World
from proctor.engine.base import KnownRun
from proctor.manager import Manager
from proctor.store.store import Store

from .support import Running


def next_fire(spec: Spec, after: float) -> float | None:
    cron = schedule.parse(spec.schedule.cron or "", spec.schedule.timezone, "UTC")
    return schedule.next_fire(cron, after)


class ObedientEngine:
    """Processes come up at once.  They go on until a signal; of type once they end at once.

    A command `fail` cannot be spawned, `exit N` ends with N, `stubborn` minds no signal but KILL.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self._running: dict[int, Spawn] = {}
        self._pid = 1000

    async def open(
        self, runs: Sequence[KnownRun], on_events: Callable[[Sequence[Event]], None]
    ) -> None:
        self._tell = on_events
        self._loop = asyncio.get_running_loop()

    def perform(self, commands: Iterable[Command]) -> None:
        events = [event for command in commands for event in self._do(command)]
        if events:
            self._loop.call_soon(self._tell, events)

    def acknowledge(self, runs: Iterable[int]) -> None:
        pass

    async def close(self, status: int) -> None:
        pass

    def _do(self, command: Command) -> list[Event]:
        id, run = command.id, command.run
        match command:
            case Spawn():
                return self._spawn(command)
            case Signal(signal=name):
                self.sent.append((str(id), name))
                mild = name not in ("TERM", "INT", "KILL")
                if mild or run not in self._running or self._running[run].spec.cmd == "stubborn":
                    return []
                del self._running[run]
                return [Exited(id, run, Exit(signal=15))]
            case Kill():
                self._running.pop(run, None)
                return [Gone(id, run)]
            case StopCommand():
                return [Stepped(id, run)]
        return []

    def _spawn(self, command: Spawn) -> list[Event]:
        id, run, spec = command.id, command.run, command.spec
        if spec.cmd == "fail":
            return [SpawnFailed(id, run, "no such file: fail")]
        self._pid += 1
        events: list[Event] = [Spawned(id, run, self._pid)]
        words = spec.cmd.split() if isinstance(spec.cmd, str) else spec.cmd
        if words[0] == "exit":
            return [*events, Exited(id, run, Exit(code=int(words[1])))]
        if spec.type is not TaskType.DAEMON and words[0] != "sleep":
            return [*events, Exited(id, run, Exit(code=0))]
        self._running[run] = command
        return events


class Live:
    """What a manager needs, made in the server's loop."""

    def __init__(self, path: Path) -> None:
        self.engine = ObedientEngine()
        self.store = Store(path / "proctor.db")
        self.asked: list[str] = []

    def manager(self) -> Manager:
        world = World(next_fire)
        self.opened = Manager(world, self.store, self.engine, SystemClock())  # type: ignore[arg-type]
        opening = self.opened.open(self.store.load(), "boot", late=False)
        asyncio.get_running_loop().create_task(opening)
        return self.opened


@contextmanager
def live(tmp_path: Path, **settings: Any) -> Iterator[tuple[Running, Live]]:
    parts = Live(tmp_path)
    service = Service(
        generation=3,
        timezone="UTC",
        reload=lambda: parts.asked.append("reload"),
        shutdown=lambda: parts.asked.append("shutdown"),
    )

    def make_app(manager: Manager) -> App:
        api = ApiSettings(log_root=tmp_path / "logs", **settings)
        return build_app(manager, api, lambda spec: None, service)

    server = Running(make_app, tmp_path / "socket", make_manager=parts.manager)
    server.start()
    try:
        yield server, parts
    finally:
        server.call(parts.opened.close)
        server.stop()
        parts.store.close()

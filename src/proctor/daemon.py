"""The manager process, put together: the only place that knows all parts.

It runs as the keeper's child.  What must outlive it (the state directory's lock, the listening
sockets) it leaves with the keeper, and takes back when it is started again.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import kept, listen, output, statedir
from .api.app import ApiSettings, build_app
from .api.body import BodyLimits
from .api.connection import ConnectionLimits
from .api.ports import Service
from .api.reply import App
from .api.schemas import SpecLimits
from .api.server import HttpServer
from .clock import SystemClock
from .config import ConfigError, Settings, read_token
from .core.changes import Changes
from .core.commands import Kill
from .core.model import ReplicaId
from .core.schedules import NextFire
from .core.spec import Spec
from .core.world import World
from .doors import Doors
from .effects import Effects
from .engine import hostlinks, script
from .engine.identity import resolve
from .engine.local import KeeperLost, LocalEngine
from .engine.notify import NotifyHub
from .filewatch import FileWatches
from .history import Retention
from .keeper import room
from .lifetime import Lifetime, Reason
from .log import configure, get_logger
from .logs.writer import LogWriter
from .manager import Manager
from .metrics.metrics import Metrics
from .probe.prober import Prober
from .scripts.desk import hosts_address
from .store.db import StoreUnusable
from .store.store import Store

log = get_logger("service")
T = TypeVar("T")

UNUSABLE = 2
"""Exit status for what the user has to mend: settings, a port in use, a damaged store."""

REFUSALS = (ConfigError, StoreUnusable, listen.CannotListen)

KEEPER_LOST = 70
"""Exit status when the keeper was killed: the tasks live on, and the next service adopts them."""


def run(settings: Settings, keeper_fd: int) -> int:
    """Be the manager until told to stop; return the exit status."""
    configure(settings.log.level, settings.log.style)
    try:
        token = read_token(settings)
        statedir.prepare_state_dir(settings.state_dir)
        return asyncio.run(_serve(settings, token, socket.socket(fileno=keeper_fd)))
    except REFUSALS as error:
        return _refuse(error)


def _refuse(error: Exception) -> int:
    log.error("cannot_start", error=str(error))
    return UNUSABLE


def _keeper_lost() -> int:
    log.error("keeper_lost", note="tasks live on; the next service adopts them")
    return KEEPER_LOST


async def _serve(settings: Settings, token: str | None, keeper: socket.socket) -> int:
    return await _Service(settings, token, keeper).run()


def next_fire(settings: Settings) -> NextFire:
    """Return the world's idea of schedules; the cron library is loaded when a task needs it."""

    def fire(spec: Spec, after: float) -> float | None:
        from .core import schedule

        when = spec.schedule
        cron = schedule.parse(when.cron or "", when.timezone, settings.timezone)
        return schedule.next_fire(cron, after)

    return fire


def _retention(settings: Settings) -> Retention:
    kept = settings.history
    return Retention(kept.runs, kept.all_runs, kept.days * 86_400, kept.events)


def boot_id() -> str:
    """Return the name of this boot: pids and monotonic times of another one mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _files() -> int:
    """Return how many descriptors we may have: the keeper has raised the soft limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_spec(spec: Spec) -> None:
    """Raise what is wrong with a spec that only the machine can tell.  It may block."""
    resolve(spec)
    if spec.type.is_script:
        from .scripts.check import check_script  # Not needed to start.

        check_script(spec)


async def guarded(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; a fault in it is logged and ends nothing else."""
    try:
        await work
    except Exception:
        log.exception("task_failed")


class _Service:
    """The parts of the manager, for one life of it; `_lifetime` says when that is over."""

    def __init__(self, settings: Settings, token: str | None, keeper: socket.socket) -> None:
        self._settings = settings
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._lifetime = Lifetime()
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()
        self._engine = LocalEngine(
            keeper,
            environ=os.environ,
            on_output=self._on_output,
            on_stop=self._lifetime.stop,
            on_lost=self._lifetime.keeper_lost,
        )

    async def run(self) -> int:
        async with asyncio.TaskGroup() as self._group:
            try:
                return await self._run()
            except REFUSALS as error:  # Out of the group it would come in an ExceptionGroup.
                return _refuse(error)
            except KeeperLost:
                return _keeper_lost()
            finally:
                for task in self._tasks:
                    task.cancel()

    async def _run(self) -> int:
        engine = self._engine
        await engine.connect()
        kept.claim_state_dir(engine, self._settings)
        listeners = kept.listeners(engine, self._settings)
        self._store = Store(self._settings.state_dir / "proctor.db")
        engine.mark_base = self._store.mark_base
        world = World(next_fire(self._settings))
        self._writer = self._open_writer(world)
        world.pools = self._settings.pools
        self._doors = Doors(world, engine.listeners, self._on_connection)
        self._files = FileWatches(world, self._on_files, self._start_task)
        self._manager = Manager(
            world,
            self._store,
            self._effects(world),
            SystemClock(),
            retention=_retention(self._settings),
            reserve=self._doors.reserve,
            on_changes=self._follow,
            on_fatal=self._lifetime.essential_failed,
        )
        await self._manager.open(self._store.load(), boot_id(), late=engine.generation > 1)
        self._doors.open()
        self._files.open()
        self._metrics = self._measure(world)
        limits = ConnectionLimits(connections=room.connections(_files()))
        self._server = HttpServer(self._app(listeners), listeners, limits)
        await self._server.start()
        for listener in listeners:
            log.info("listening", url=listen.url(listener))
        return await self._close(await self._lifetime.wait())

    def _measure(self, world: World) -> Metrics:
        return Metrics(
            world,
            self._manager.history,
            self._manager.dispatch,
            self._manager.now,
            keeper_pid=self._engine.keeper_pid,
            mark_base=self._engine.mark_base,
            controllers=self._engine.controllers,
            lost=self._writer.lost,
        )

    def _effects(self, world: World) -> Effects:
        engine = self._engine
        notify = NotifyHub(engine.keep, engine.drop, self._loop)
        notify.take_over(engine.kept)
        engine.listeners.take_over(engine.kept)
        prober = Prober(
            engine,
            notify,
            self._writer,
            self._log_root,
            lambda answer: self._manager.dispatch([answer]),
            self._start_task,
        )
        return Effects(engine, notify, prober, self._scripts(world), self._start_task)

    def _scripts(self, world: World) -> script.ScriptEngine:
        engine = self._engine
        address = hosts_address(engine.mark_base)
        return script.ScriptEngine(
            kept.listener(engine, "hosts", lambda: hostlinks.listen(address)),
            mark_base=engine.mark_base,
            on_output=self._on_output,
            uid_of=engine.accounts.uid_of,
            kill_host=lambda id, run: engine.perform([Kill(id, run)]),
            is_script_task=lambda name: world.tasks[name].spec.type.is_script,
        )

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _app(self, listeners: Sequence[socket.socket]) -> App:
        settings = self._settings
        bound = [s.getsockname()[0] for s in listeners if s.family != socket.AF_UNIX]
        api = ApiSettings(
            log_root=self._log_root,
            token=self._token,
            hosts=settings.hosts,
            bound=(settings.host, *bound),
            any_address=any(address in ("0.0.0.0", "::") for address in bound),
            spec=SpecLimits(settings.max_replicas, frozenset(settings.pools)),
            body=BodyLimits(size=settings.http.max_body, seconds=settings.http.body_timeout),
        )
        service = Service(
            subscribe=self._writer.subscribe,
            drain=self._writer.drain,
            flush=self._writer.flush,
            metrics=self._metrics,
            console=self._engine,
            controllers=self._engine.controllers,
            generation=self._engine.generation,
            keeper_pid=self._engine.keeper_pid,
            timezone=settings.timezone,
            reload=lambda: self._lifetime.end(Reason.RELOAD),
            shutdown=lambda: self._lifetime.end(Reason.STOP),
        )
        return build_app(self._manager, api, check_spec, service)

    # Output.

    @property
    def _log_root(self) -> Path:
        return self._settings.state_dir / "logs"

    def _open_writer(self, world: World) -> LogWriter:
        disk = os.statvfs(self._settings.state_dir)
        settings = output.on_disk(self._settings.output, disk.f_blocks * disk.f_frsize)
        return LogWriter(
            self._log_root,
            output.limits(output.NOTHING_SAID, settings),
            limits_of=output.limits_of(world.tasks, settings),
            most_open=room.open_logs(_files()),
            on_drained=self._in_loop(lambda run: self._manager.records.output_drained(run)),
            on_loss=lambda loss: log.error(
                "output_lost", replica=str(loss.id), bytes=loss.lost, error=loss.error
            ),
            on_crash=self._in_loop(self._lifetime.crashed),
        )

    def _on_connection(self, ids: Sequence[ReplicaId]) -> None:
        self._manager.start(ids, trigger="connection", actor="socket")

    def _on_files(self, name: str, paths: Sequence[str]) -> None:
        if self._lifetime.over:
            return  # What changes while all is stopped starts nothing.
        self._manager.files_changed(name, paths)

    def _follow(self, changes: Changes) -> None:
        self._doors.follow(changes)
        self._files.follow(changes)

    def _on_output(self, id: ReplicaId, run: int, fd: int, stream: int) -> None:
        self._manager.records.output_opened(run)
        self._writer.attach(id, run, fd, stream)

    def _in_loop(self, call: Callable[[T], None]) -> Callable[[T], None]:
        """Return what other threads may call instead of `call`."""

        def from_thread(value: T) -> None:
            self._loop.call_soon_threadsafe(call, value)

        return from_thread

    # The end.

    async def _close(self, reason: Reason) -> int:
        """Leave things as `reason` asks for; return the exit status."""
        if reason is Reason.KEEPER_LOST:
            return _keeper_lost()
        if reason is Reason.CRASHED:
            return 1
        if reason is Reason.STOP:
            log.info("stopping")
            if not await self._lifetime.halt(self._manager):
                return _keeper_lost()
        await self._server.stop()
        self._doors.close()
        self._files.close()
        self._metrics.close()
        self._manager.close()
        self._writer.close()
        self._store.close()
        if reason is Reason.RELOAD:
            await self._engine.reload()
        else:
            log.info("stopped")
            await self._engine.close(self._lifetime.status)
        return self._lifetime.status

"""The engine of one machine: talks to the keeper, which is the parent of everything that runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from proctor.core.commands import Command, Kill, Signal, Spawn
from proctor.core.errors import CannotListen, NoInput, UnknownAccount
from proctor.core.events import Event, Gone, SpawnFailed
from proctor.core.model import Exit, ReplicaId
from proctor.core.spec import Spec
from proctor.keeper.protocol import VERSION, Frame

from . import notify
from .auxiliary import FIRST, Auxiliary
from .base import KnownRun
from .identity import Accounts
from .inputs import Inputs
from .listeners import Listeners
from .news import KeptRun, event_of, exit_of, is_last, without_stale
from .order import BadEnvironment, of_run, order, own_variables, uses_notify
from .session import Session
from .wire import Wire

_log = logging.getLogger("proctor.engine")

_OWN_VARIABLES = ("PROCTOR_KEEPER_FD", "PROCTOR_TOKEN")
_PATIENCE = 30.0

OnOutput = Callable[[ReplicaId, int, int, int], None]
OnEvents = Callable[[Sequence[Event]], None]


class KeeperLost(Exception):
    """The keeper has ended before it could be talked to."""


class _Hello(Struct):
    """The answers to hello while they come in: `open` are the runs without one."""

    settled: asyncio.Future[None]
    open: set[int]
    events: list[Event] = []


class LocalEngine:
    """Implements `Engine` over the keeper's socket.

    `mark_base` is 31 random bits of the state directory, shifted left by 32: with the run id it
    makes the birth mark; it may be set until `open`.  `on_output(replica, run, fd, stream)` takes
    over the read end of the run's output (stream 0), or of its errors where they are told apart
    (1); `on_stop(force)` says that somebody asked the service to end; `on_lost()` that the keeper
    is gone.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        mark_base: int = 0,
        environ: Mapping[str, str],
        on_output: OnOutput,
        on_stop: Callable[[bool], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._wire = Wire(sock, self._on_frames, self._on_closed)
        self.mark_base = mark_base
        self._environ = {k: v for k, v in environ.items() if k not in _OWN_VARIABLES}
        self._on_output = on_output
        self._on_stop = on_stop
        self._on_lost = on_lost
        self._on_events: OnEvents = _nobody
        self._runs: dict[int, KeptRun] = {}
        self.accounts = Accounts()
        self._auxiliary = Auxiliary(self._wire.send_now)
        self.listeners = Listeners(self.keep, self.drop)
        self.inputs = Inputs(lambda run: self._wire.send_now({"op": "shut", "run": run}))
        self._told: list[Event] = []  # Events of our own, reported at the next turn of the loop.
        self._early: list[tuple[Frame, list[int]]] = []  # News of runs, until `open` takes it.
        self._hello: _Hello | None = None
        self._ready: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop
        self.kept: dict[str, int] = {}
        self.generation = 0
        self.keeper_pid = 0
        self.controllers: tuple[str, ...] = ()

    async def connect(self) -> None:
        """Greet the keeper: then `kept`, `generation` and `keeper_pid` are known.

        Raises KeeperLost, as `open` does.
        """
        self._loop = asyncio.get_running_loop()
        self._ready = self._loop.create_future()
        self._wire.listen()
        self._wire.send_now({"op": "hello", "version": VERSION})
        async with asyncio.timeout(_PATIENCE):
            await self._ready

    async def open(self, runs: Sequence[KnownRun], on_events: OnEvents) -> None:
        if self._ready is None:
            await self.connect()
        if self._wire.closed:
            raise KeeperLost
        self._on_events = on_events
        self._runs = {known.run: KeptRun(known.id, known.pid, known.start) for known in runs}
        self._hello = hello = _Hello(self._loop.create_future(), set(self._runs))
        early, self._early = self._early, []
        hello.events += [e for frame, fds in early if (e := self._take_news(frame, fds))]
        for known in runs:
            self._ask_about(known, hello)
        self._wire.flush()
        self._settle(hello)
        async with asyncio.timeout(_PATIENCE):
            await hello.settled
        self._hello = None
        if events := without_stale(hello.events):
            on_events(events)

    def _ask_about(self, known: KnownRun, hello: _Hello) -> None:
        """Have what there is of a run that the keeper did not name adopted.

        Of one that was being spawned when keeper and manager died only the mark is known.
        """
        if known.run in hello.open:
            identity = {"pid": known.pid or 0, "start": known.start or 0}
            mark = self.mark_base | known.run
            self._wire.send({"op": "adopt", "run": known.run, "mark": mark, **identity})

    def _settle(self, hello: _Hello) -> None:
        if not hello.open and not hello.settled.done():
            hello.settled.set_result(None)

    def perform(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Spawn():
                    self._spawn(command)
                case Signal():
                    number = signal.Signals[f"SIG{command.signal}"]
                    self._wire.send({"op": "signal", "run": command.run, "signal": int(number)})
                case Kill() if command.run in self._runs:
                    self._auxiliary.kill(command.run)
                    self._wire.send({"op": "kill", "run": command.run})
                case Kill():
                    self._report_soon(Gone(command.id, command.run))
        self._wire.flush()

    def _spawn(self, command: Spawn) -> None:
        spec, run = command.spec, command.run
        try:
            frame = self._order(spec, command.id.index, spec.cmd, run)
            mark = self.mark_base | run
            frame |= of_run(spec, command.id.index, mark, self.controllers)
            frame["listen"] = self.listeners.ensure(spec) if spec.sockets else None
        except (UnknownAccount, BadEnvironment) as error:
            # It was right when the task was accepted.
            self._report_soon(SpawnFailed(command.id, run, str(error)))
            return
        except CannotListen as error:
            self._report_soon(SpawnFailed(command.id, run, str(error), transient=True))
            return
        self._runs[run] = KeptRun(command.id)
        self._wire.send(frame | {"run": run, "mark": mark})

    def _order(
        self, spec: Spec, index: int, cmd: str | tuple[str, ...], run: int | None = None
    ) -> Frame:
        mark = None if run is None else self.mark_base | run
        ours = own_variables(spec, index, run, mark)
        if mark is not None and uses_notify(spec):
            ours |= notify.variables(spec, mark)
        return order(spec, cmd, self.accounts.of(spec), self._environ, ours)

    async def execute(
        self,
        spec: Spec,
        index: int,
        cmd: str | tuple[str, ...],
        timeout: float,
        run: int,
        *,
        lasting: bool = False,
    ) -> tuple[Exit, str]:
        """Run a command as the task's replica, told of its run; see Executor and Auxiliary."""
        try:
            frame = self._order(spec, index, cmd)
        except (UnknownAccount, BadEnvironment) as error:
            return Exit(error=str(error)), ""
        known = self._runs.get(run)
        pid = known.pid if known else None
        frame["env"] |= {"PROCTOR_RUN": str(run), "PROCTOR_PID": str(pid or "")}
        return await self._auxiliary.execute(frame, self.mark_base, timeout, run, lasting=lasting)

    async def begin_session(
        self, spec: Spec, index: int, run: int, argv: tuple[str, ...], size: tuple[int, int] | None
    ) -> Session:
        """Run a command as the task's replica runs, for somebody who looks.

        `run` is the replica's, whose cgroup it joins; `size` is (rows, columns) of the terminal it
        gets, None: no terminal.  `end_session` ends it.  Raises UnknownAccount, NoInput.
        """
        try:
            frame = self._order(spec, index, argv)
        except BadEnvironment as error:
            raise NoInput(str(error)) from None
        frame |= {"stdin": "pipe", "tty": size is not None, "size": size, "join": run}
        session = self._auxiliary.begin(frame, self.mark_base)
        await session.started
        return session

    def end_session(self, session: Session) -> None:
        self._auxiliary.end_session(session)

    def acknowledge(self, runs: Iterable[int]) -> None:
        """Due for a failed spawn, too: the keeper tells every manager of it until then."""
        numbers = list(runs)
        if not numbers:
            return
        for number in numbers:
            if run := self._runs.get(number):
                run.acknowledged = True
                self._forget_if_done(number, run)
        self._wire.send_now({"op": "ack", "runs": numbers})

    def keep(self, name: str, fd: int) -> None:
        """Have the keeper hold a copy of `fd`: the next manager finds it in `kept`."""
        self._wire.send_descriptor({"op": "keep", "name": name}, fd)

    def drop(self, name: str) -> None:
        self._wire.send_now({"op": "drop", "name": name})

    async def reload(self) -> None:
        """Ask for a new keeper and a new manager; all that remains for this one is to exit."""
        await self._say_last({"op": "reload"})

    async def close(self, status: int) -> None:
        await self._say_last({"op": "exit", "status": status})

    async def _say_last(self, frame: Frame) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._wire.send_all(frame)
        self._let_go()

    # From the keeper

    def _on_frames(self, frames: Sequence[tuple[Frame, list[int]]]) -> None:
        events = [e for frame, fds in frames if (e := self._take(frame, fds))]
        if self._hello:
            self._hello.events += events
            self._settle(self._hello)
        elif events:
            self._on_events(events)

    def _on_closed(self) -> None:
        """Tell whoever waits for the keeper at the start, or else who asked to be told."""
        self._let_go()
        for waited in (self._ready, self._hello.settled if self._hello else None):
            if waited is not None and not waited.done():
                waited.set_exception(KeeperLost())
                return
        self._on_lost()

    def _take(self, frame: Frame, fds: list[int]) -> Event | None:
        match frame["op"]:
            case "ready":
                self.generation, self.keeper_pid = frame["generation"], frame["pid"]
                self.controllers = tuple(frame["controllers"])
                if self._ready is not None:
                    self._ready.set_result(None)
            case "kept":
                self.kept[frame["name"]] = fds[0]
            case "stop":
                self._on_stop(frame["force"])
            case "stuck":
                _log.warning("killed, but still there: run %s, %s", frame["run"], frame["pids"])
            case _ if self._on_events is _nobody:
                self._early.append((frame, fds))
            case _:
                return self._take_news(frame, fds)
        return None

    def _take_news(self, frame: Frame, fds: list[int]) -> Event | None:
        number: int = frame["run"]
        if self._auxiliary.knows(number):
            self._auxiliary.take(frame, fds, exit_of)
            return None
        run = self._runs.get(number)
        if run is None:
            self._disown(frame, fds)
            return None
        outs = 2 if frame.get("separate") else 1
        for stream, fd in enumerate(fds[:outs]):
            self._on_output(run.id, number, fd, stream)
        if fds[outs:]:
            self.inputs.open(number, fds[outs:])
        event = event_of(frame, run)
        if not run.over and is_last(event):
            run.over = True
            self.inputs.end(number)
        self._forget_if_done(number, run)
        if self._hello:
            self._hello.open.discard(number)
        held = is_last(event) and self._auxiliary.outlives(number, lambda: self._report_soon(event))
        return None if held else event

    def _forget_if_done(self, number: int, run: KeptRun) -> None:
        if run.over and run.acknowledged:
            del self._runs[number]

    def _disown(self, frame: Frame, fds: list[int]) -> None:
        """A run that nobody knows (its record was lost): it must not live on unsupervised."""
        for fd in fds:
            os.close(fd)
        number = frame["run"]
        if frame["op"] == "run":
            level = logging.WARNING if number < FIRST else logging.DEBUG  # Else a check is cut off.
            _log.log(level, "run %s, pid %s, is on no record: killed", number, frame["pid"])
            self._wire.send({"op": "kill", "run": number})
        elif frame["op"] in ("exited", "failed"):
            self._wire.send({"op": "ack", "runs": [number]})
        self._wire.flush()

    # Reporting

    def _report_soon(self, event: Event) -> None:
        """Report at the next turn: whoever calls perform() is not ready for events inside it."""
        if not self._told:
            self._loop.call_soon(self._report_told)
        self._told.append(event)

    def _report_told(self) -> None:
        events, self._told = self._told, []
        self._on_events(events)

    def _let_go(self) -> None:
        self.inputs.release()
        self._wire.close()


def _nobody(events: Sequence[Event]) -> None:
    """Who listens before open()."""

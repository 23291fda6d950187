"""The engine of scripts: talks to the script hosts, each the keeper of its coroutines.

A host is a process like any other, which the keeper starts and watches; here is who listens to it.
Rule: a run of a script ends when its host says so, or when the keeper says that the host has ended.
A connection that breaks is neither: the host comes back, and goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from proctor.core.commands import Command, Kill, Signal, Spawn
from proctor.core.events import Event, Exited, Gone, Lost, Spawned, SpawnFailed
from proctor.core.hosts import host_of, is_own_host, shown_deps
from proctor.core.model import Exit, ReplicaId
from proctor.core.spec import Spec
from proctor.keeper.protocol import Frame

from .base import KnownRun
from .hostlinks import Frames, Host, HostLinks, close_all
from .local import OnEvents, OnOutput
from .order import BadEnvironment, from_files

_log = logging.getLogger("proctor.engine")

STUCK = 2.0
"""Seconds that a script may take to end when it is not asked but killed."""

_HARMLESS = frozenset({"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"})
"""Signals that end no process; a script takes every other one as a process without handlers."""


class _Run(Struct):
    """A script's run.  `hosts` are those it may be in, by their runs, until one has named it."""

    id: ReplicaId
    hosts: set[int]
    told: bool = False
    attached: bool = False
    over: bool = False
    acknowledged: bool = False
    killed: bool = False


class ScriptEngine:
    """Does for the runs of scripts what LocalEngine does for processes.

    `listener` is where hosts connect; `uid_of` says whose processes a task's are, and
    `kill_host(id, run)` has the keeper end a host.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        mark_base: int,
        on_output: OnOutput,
        uid_of: Callable[[Spec], int],
        kill_host: Callable[[ReplicaId, int], None],
        is_script_task: Callable[[str], bool],
    ) -> None:
        self._links = HostLinks(listener, mark_base, self._on_frames)
        self._on_output = on_output
        self._uid_of = uid_of
        self._kill_host = kill_host
        self._is_script_task = is_script_task
        self._on_events: OnEvents
        self._loop = asyncio.get_running_loop()
        self._runs: dict[int, _Run] = {}
        self._told: list[Event] = []

    def is_script(self, known: KnownRun) -> bool:
        """Whether that is a script's run: it has a pid, its host's, but no start of its own."""
        if known.pid is None:
            return self._is_script_task(known.id.task)
        return known.start is None

    def open(
        self, scripts: Sequence[KnownRun], hosts: Sequence[KnownRun], on_events: OnEvents
    ) -> None:
        """Begin to listen.  What hosts say of the `scripts` comes when they have connected.

        Nothing is waited for: a host that hangs must not keep the service from starting.
        """
        self._on_events = on_events
        for known in hosts:
            self._links.hosts[known.run] = Host(known.id, known.run, pid=known.pid or 0)
        for known in scripts:
            if known.pid is None:
                possible = set(self._links.hosts)
            else:
                possible = {h.run for h in self._links.hosts.values() if h.pid == known.pid}
            self._runs[known.run] = _Run(known.id, possible)
            if not possible and known.pid is None:
                self._report_soon(Lost(known.id, known.run))
            elif not possible:
                self._report_soon(Exited(known.id, known.run, _with_host("unseen")))
        self._links.open()

    # Orders

    def knows(self, run: int) -> bool:
        return run in self._runs

    def begin_host(self, command: Spawn) -> None:
        """A host is about to be spawned by the keeper."""
        spec = command.spec
        self._links.hosts[command.run] = Host(command.id, command.run, self._uid_of(spec))

    def perform(self, command: Command) -> None:
        match command:
            case Spawn():
                self._spawn(command)
            case Signal(signal=name) if name not in _HARMLESS:
                number = int(signal.Signals[f"SIG{name}"])
                self._say(command.run, {"op": "signal", "run": command.run, "signal": number})
            case Kill():
                self._say(command.run, {"op": "kill", "run": command.run})
                self._loop.call_later(STUCK, self._still_there, command.run)

    def _spawn(self, command: Spawn) -> None:
        spec, number = command.spec, command.run
        name = host_of(spec)
        host = next((h for h in self._links.hosts.values() if h.id.task == name), None)
        if host is None:
            self._report_soon(Lost(command.id, number))  # It ended meanwhile; asked for anew.
            return
        try:
            frame = _order(command)
        except BadEnvironment as error:
            self._report_soon(SpawnFailed(command.id, number, str(error)))
            return
        self._runs[number] = _Run(command.id, {host.run})
        self._say(number, frame)

    def _still_there(self, number: int) -> None:
        """A script that was killed some time ago: code that does not come back holds its host."""
        run = self._runs.get(number)
        if run is None or run.over or run.killed:
            return
        run.killed = True
        for host in self._hosts_of(run):
            if is_own_host(host.id.task):
                _log.warning("script %s does not end: its host %s is killed", run.id, host.pid)
                self._kill_host(host.id, host.run)
            else:
                _log.warning(
                    "script %s does not end, and holds up all in host %s: give it a host of its "
                    "own (isolate)",
                    run.id,
                    host.pid,
                )

    def acknowledge(self, run: int) -> None:
        if known := self._runs.get(run):
            known.acknowledged = True
            self._say(run, {"op": "ack", "runs": [run]})
            self._forget_if_done(run, known)

    def close(self) -> None:
        """Hosts go on, and turn to the next manager."""
        self._links.close()

    # News of hosts from the keeper

    def host_event(self, event: Event) -> list[Event]:
        """Return what an event about a host means for the scripts in it."""
        match event:
            case Spawned(run=number, pid=pid) if number in self._links.hosts:
                self._links.hosts[number].pid = pid
            case Exited(run=number, exit=exit):
                return self._host_ended(number, str(exit))
            case SpawnFailed(run=number, error=error) | Lost(run=number, error=error):
                return self._host_ended(number, error)
            case Gone(run=number):
                return self._host_ended(number, "killed")
        return []

    def _host_ended(self, number: int, how: str) -> list[Event]:
        host = self._links.hosts.get(number)
        if host is None:
            return []
        events = self._taken(host, self._links.forget(host))
        unsent = {frame["run"] for frame in host.waiting if frame["op"] == "spawn"}
        for run_number, run in list(self._runs.items()):
            if number not in run.hosts:
                continue
            run.hosts.discard(number)
            if run.over or run.hosts:
                continue
            if run_number in unsent:
                events.append(Lost(run.id, run_number))
            else:
                events.append(Exited(run.id, run_number, _with_host(how)))
            self._end(run_number, run)
        return events

    # From a host

    def _on_frames(self, host: Host, frames: Frames) -> None:
        if events := self._taken(host, frames):
            self._on_events(events)

    def _taken(self, host: Host, frames: Frames) -> list[Event]:
        events: list[Event] = []
        for frame, fds in frames:
            if frame["op"] == "ready":
                events += self._became_ready(host)
            elif event := self._take(host, frame, fds):
                events.append(event)
        return events

    def _became_ready(self, host: Host) -> list[Event]:
        """It has told all it has: what it did not name is not in it."""
        events: list[Event] = []
        coming = {frame["run"] for frame in host.waiting if frame["op"] == "spawn"}
        for number, run in list(self._runs.items()):
            if host.run not in run.hosts or run.told or number in coming:
                continue
            run.hosts.discard(host.run)
            if not run.hosts and not run.over:
                events.append(Lost(run.id, number))
                self._end(number, run)
        self._links.became_ready(host)
        return events

    def _take(self, host: Host, frame: Frame, fds: list[int]) -> Event | None:
        number: int = frame["run"]
        run = self._runs.get(number)
        if run is None:
            self._disown(host, frame, fds)
            return None
        run.told, run.hosts = True, {host.run}
        for fd in fds:
            self._attach(run, number, fd)
        if run.over:
            return None
        match frame["op"]:
            case "run" | "spawned":
                return Spawned(run.id, number, host.pid)
            case "failed":
                self._end(number, run)
                return SpawnFailed(run.id, number, frame["what"])
            case "exited":
                self._end(number, run)
                return Exited(run.id, number, _exit(frame))
            case "gone":
                self._end(number, run)
                return Gone(run.id, number)
        return None

    def _attach(self, run: _Run, number: int, fd: int) -> None:
        if run.attached:
            os.close(fd)  # The same pipe, told again after a connection that broke.
            return
        run.attached = True
        self._on_output(run.id, number, fd, 0)

    def _disown(self, host: Host, frame: Frame, fds: list[int]) -> None:
        """A run that nobody knows: it must not live on unsupervised."""
        close_all(fds)
        if frame["op"] == "run":
            _log.warning("script run %s is on no record: ended", frame["run"])
            self._links.send(host, {"op": "kill", "run": frame["run"]})
        elif frame["op"] == "exited":
            self._links.send(host, {"op": "ack", "runs": [frame["run"]]})

    def _end(self, number: int, run: _Run) -> None:
        run.over = True
        self._forget_if_done(number, run)

    def _forget_if_done(self, number: int, run: _Run) -> None:
        if run.over and run.acknowledged:
            self._runs.pop(number, None)

    # Sending and reporting

    def _say(self, number: int, frame: Frame) -> None:
        """Tell the host of a run; one that is not connected is told when it is."""
        for host in self._hosts_of(self._runs[number]):
            self._links.say(host, frame)

    def _hosts_of(self, run: _Run) -> list[Host]:
        return [self._links.hosts[n] for n in run.hosts if n in self._links.hosts]

    def _report_soon(self, event: Event) -> None:
        """Report at the next turn: whoever calls perform() is not ready for events inside it."""
        if not self._told:
            self._loop.call_soon(self._report_told)
        self._told.append(event)

    def _report_told(self) -> None:
        events, self._told = self._told, []
        self._on_events(events)


def task_json(spec: Spec, index: int) -> str:
    """Return what a script gets to know of its task."""
    return json.dumps(
        {
            "name": spec.name,
            "type": spec.type.value,
            "cmd": spec.cmd,
            "replica": spec.replicas,
            "index": index,
            "alias": f"{spec.name}:{index}",
            "description": spec.description,
            "namespace": spec.namespace,
            "labels": spec.labels,
            "env": spec.env,
            "deps": [dep.task for dep in shown_deps(spec)],
            "interval": spec.interval,
            "cron": spec.schedule.cron,
        }
    )


def _order(command: Spawn) -> Frame:
    """Return the spawn frame.  Raises BadEnvironment."""
    spec, index = command.spec, command.id.index
    ours = {
        "PROCTOR_TASK": spec.name,
        "PROCTOR_REPLICA": str(index),
        "PROCTOR_RUN": str(command.run),
    }
    return {
        "op": "spawn",
        "run": command.run,
        "script": spec.cmd,
        "alias": str(command.id),
        "data": task_json(spec, index),
        "env": from_files(spec) | spec.env | ours,
    }


def _exit(frame: Mapping[str, object]) -> Exit:
    code, number, error, at = (frame[key] for key in ("code", "signal", "error", "at"))
    return Exit(code, number, error, at=at)  # type: ignore[arg-type]


def _with_host(how: str) -> Exit:
    return Exit(error=f"its script host ended: {how}")

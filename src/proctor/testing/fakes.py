"""A clock, an engine and a store that are values in memory."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from proctor.core.changes import Changes
from proctor.core.commands import Command, EndProbes, Kill, Probe, Signal, Spawn, StopCommand
from proctor.core.events import Event, Exited, Gone, Lost, Probed, Spawned, SpawnFailed, Stepped
from proctor.core.model import Exit, Now, Replica, ReplicaId, Task
from proctor.core.spec import CheckKind, Spec


def never(spec: Spec, after: float) -> float | None:
    """A schedule that never fires."""
    return None


@dataclass
class FakeClock:
    """Time that moves when told to; `wall` and `mono` differ, as they do in life."""

    mono: float = 1_000.0
    wall: float = 1_700_000_000.0

    def now(self) -> Now:
        return Now(self.mono, self.wall)

    def advance(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds

    def set_wall(self, wall: float) -> None:
        self.wall = wall


@dataclass
class FakeProcess:
    """What the fake keeper knows of a run: its leader, and how many others live on after it.

    `stubborn`: it takes no notice of SIGTERM.
    """

    id: ReplicaId
    run: int
    pid: int
    leader: bool = True
    others: int = 0
    stubborn: bool = False
    exit: Exit | None = None

    @property
    def alive(self) -> bool:
        return self.leader or self.others > 0


@dataclass
class FakeKeeper:
    """Carries out commands on processes that do not exist; outlives the managers.

    `kind`: from now on spawns work, processes do well and probes find that they do.
    """

    random: random.Random
    processes: dict[int, FakeProcess] = field(default_factory=dict)
    ever_spawned: set[int] = field(default_factory=set)
    next_pid: int = 100
    kind: bool = False

    def perform(self, command: Command) -> list[Event]:
        """Carry it out, and return the news of it."""
        match command:
            case Spawn():
                return self._spawn(command)
            case Signal(id, run, name):
                process = self.processes.get(run)
                deaf = process is None or process.stubborn or name == "HUP"
                return [] if process is None or deaf else self._end(process, True)
            case Kill(id, run):
                process = self.processes.get(run)
                return [Gone(id, run)] if process is None else self._end(process, True)
            case StopCommand(id, run):
                return [Stepped(id, run)] if self._chance(0.8) else []
            case Probe():
                return self._probe(command)
            case EndProbes():
                return []
        raise AssertionError(command)

    def misfortune(self) -> list[Event]:
        """Let something happen to some process, unasked."""
        if not self.processes:
            return []
        process = self.random.choice(list(self.processes.values()))
        return self._end(process, self._chance(0.7))

    def truth(self, replicas: Sequence[Replica]) -> list[Event]:
        """Tell a new manager about the runs it believes in; kill what it knows nothing of."""
        news: list[Event] = []
        for r in replicas:
            process = self.processes.get(r.run)
            if process is None:
                news.append(Lost(r.id, r.run))
            elif process.leader:
                news.append(Spawned(r.id, r.run, process.pid))
            else:
                news.append(Exited(r.id, r.run, process.exit or Exit(), left=process.alive))
        believed = {r.run for r in replicas}
        for run in [run for run in self.processes if run not in believed]:
            del self.processes[run]
        return news

    def reboot(self) -> None:
        self.processes.clear()

    def _chance(self, likely: float) -> bool:
        return self.kind or self.random.random() < likely

    def _probe(self, command: Probe) -> list[Event]:
        """Answer for a process that lives; who should speak for itself may be silent for ever."""
        told = command.check.kind in (CheckKind.LOG_LINE, CheckKind.NOTIFY)
        if command.run not in self.processes or (told and not self._chance(0.7)):
            return []
        ok = told or self._chance(0.7)
        return [Probed(command.id, command.run, command.name, ok, "fake")]

    def _spawn(self, command: Spawn) -> list[Event]:
        assert command.run not in self.ever_spawned, "a run was started twice"
        self.ever_spawned.add(command.run)
        if not self._chance(0.9):
            transient = self.random.random() < 0.5
            return [SpawnFailed(command.id, command.run, "fake: no such file", transient)]
        for other in self.processes.values():
            assert other.id != command.id, f"two copies of {command.id}"
        self.next_pid += 1
        self.processes[command.run] = FakeProcess(
            command.id,
            command.run,
            self.next_pid,
            others=self.random.choice([0, 0, 0, 2]),
            stubborn=self.random.random() < 0.2,
        )
        return [Spawned(command.id, command.run, self.next_pid)]

    def _end(self, process: FakeProcess, all_of_it: bool) -> list[Event]:
        if all_of_it:
            process.others = 0
        had_leader, process.leader = process.leader, False
        if not process.alive:
            # An end that a dead manager did not hear of is lost here; the real keeper keeps it.
            del self.processes[process.run]
        if not had_leader:
            return [] if process.alive else [Gone(process.id, process.run)]
        process.exit = Exit(code=0 if self._chance(0.75) else 1)
        return [Exited(process.id, process.run, process.exit, left=process.alive)]


@dataclass
class FakeStore:
    """What was saved, as it was when it was saved."""

    tasks: dict[str, Task] = field(default_factory=dict)
    replicas: dict[ReplicaId, Replica] = field(default_factory=dict)
    next_run: int = 1

    def save(self, changes: Changes) -> None:
        for name in changes.removed:
            self.tasks.pop(name, None)
            for id in [id for id in self.replicas if id.task == name]:
                del self.replicas[id]
        for id in changes.dropped:
            self.replicas.pop(id, None)
        self.tasks |= changes.tasks
        self.replicas |= changes.replicas
        self.next_run = max([self.next_run, *(run + 1 for run in changes.runs)])

    def replicas_of(self, name: str) -> list[Replica]:
        return [r for r in self.replicas.values() if r.id.task == name]

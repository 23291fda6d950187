"""A world without processes or time, for tests of what decides: ours and plugin authors'.

`Sim` lives through random histories: its engine answers late, its processes die when they like
and leave others behind, its manager is killed between saving and performing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from proctor.core.changes import Changes
from proctor.core.commands import Command, EndProbes, Kill, Probe, Signal, Spawn, StopCommand
from proctor.core.events import (
    Event,
    Exited,
    Gone,
    Lost,
    Probed,
    Spawned,
    SpawnFailed,
    Stepped,
)
from proctor.core.model import Exit, Now, Replica, ReplicaId, Spec
from proctor.core.schedules import NextFire
from proctor.core.world import World


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
    """What the fake keeper knows of a run: its leader, and how many others live on after it."""

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
    """Carries out commands on processes that do not exist; outlives the managers."""

    random: random.Random
    processes: dict[int, FakeProcess] = field(default_factory=dict)
    ever_spawned: set[int] = field(default_factory=set)
    next_pid: int = 100

    def perform(self, command: Command) -> list[Event]:
        """Carry it out, and return the news of it."""
        match command:
            case Spawn():
                return self._spawn(command)
            case Signal(id, run, _):
                process = self.processes.get(run)
                return [] if process is None or process.stubborn else self._end(process, True)
            case Kill(id, run):
                process = self.processes.get(run)
                return [Gone(id, run)] if process is None else self._end(process, True)
            case StopCommand(id, run):
                return [Stepped(id, run)]
            case Probe(id, run, name):
                return [Probed(id, run, name, self.random.random() < 0.7, "fake")]
            case EndProbes():
                return []
        raise AssertionError(command)

    def misfortune(self) -> list[Event]:
        """Let something happen to some process, unasked."""
        if not self.processes:
            return []
        process = self.random.choice(list(self.processes.values()))
        return self._end(process, self.random.random() < 0.7)

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

    def _spawn(self, command: Spawn) -> list[Event]:
        assert command.run not in self.ever_spawned, "a run was started twice"
        self.ever_spawned.add(command.run)
        if self.random.random() < 0.1:
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
        process.exit = Exit(code=self.random.choice([0, 1]))
        return [Exited(process.id, process.run, process.exit, left=process.alive)]


class Sim:
    """One random life.  `run` raises AssertionError when a law is broken."""

    def __init__(self, seed: int, specs: Sequence[Spec], next_fire: NextFire = never) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock()
        self.keeper = FakeKeeper(self.random)
        self.world = World(next_fire)
        self.saved = Changes()
        self.saved_next_run = 1
        self._next_fire = next_fire
        self._specs = list(specs)
        self._commands: list[Command] = []
        self._news: list[Event] = []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
            self.check()
        self.come_to_rest()

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.15:
            self.request()
        elif choice < 0.5 and self._commands:
            self._news += self.keeper.perform(self._commands.pop(0))
        elif choice < 0.8 and self._news:
            self.hear(self._news.pop(0))
        elif choice < 0.85:
            self._news += self.keeper.misfortune()
        elif choice < 0.88:
            self.crash()
        else:
            self.pass_time(self.random.choice([0.1, 1.0, 20.0]))

    def request(self) -> None:
        spec = self.random.choice(self._specs)
        now = self.clock.now()
        if spec.name not in self.world.tasks:
            self.world.put(self.world.new_task(spec, now), now)
        elif self.world.tasks[spec.name].removing:
            return
        elif self.random.random() < 0.5:
            self.world.restart(self.world.ids_of(spec.name), now)
        else:
            self.world.remove(spec.name, now)
        self.turn()

    def hear(self, event: Event) -> None:
        self.world.handle(event, self.clock.now())
        self.turn()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.world.due(self.clock.now())
        self.turn()

    def turn(self) -> None:
        """Settle and save; what is to be done waits, and is lost if the manager is killed."""
        self.world.settle(self.clock.now())
        changes, commands = self.world.take()
        self.saved.merge(changes)
        self.saved.removed.clear()
        self.saved_next_run = self.world.next_run
        self._commands += commands

    def crash(self) -> None:
        """Kill the manager and start another: only what was saved and the keeper's truth remain."""
        # The manager's last words may have reached the keeper, or some of them.
        for command in self._commands[: self.random.randint(0, len(self._commands))]:
            self.keeper.perform(command)
        self._commands, self._news = [], []
        self.world = World(self._next_fire, self.saved_next_run)
        saved = copy(self.saved)
        now = self.clock.now()
        for task in list(saved.tasks.values()):
            mine = [r for r in saved.replicas.values() if r.id.task == task.spec.name]
            self.world.restore(task, mine, now, late=True)
        alive = [r for r in self.world.replicas.values() if r.alive]
        for event in self.keeper.truth(alive):
            self.world.handle(event, now)
        self.turn()

    def come_to_rest(self) -> None:
        """After a halt, and with an engine that works, everything ends."""
        self.world.halt(self.clock.now())
        self.turn()
        for _ in range(10_000):
            if self.world.idle and not self._commands and not self._news:
                break
            while self._commands:
                self._news += self.keeper.perform(self._commands.pop(0))
            if self._news:
                self.hear(self._news.pop(0))
            else:
                self.pass_time(1.0)
        assert self.world.idle, "did not come to rest"
        assert not self.keeper.processes, "a process was forgotten"

    def check(self) -> None:
        """The laws that hold at every moment."""
        alive = [p.id for p in self.keeper.processes.values() if p.alive]
        assert len(alive) == len(set(alive)), "two processes for one replica"
        for process in self.keeper.processes.values():
            r = self.world.replicas.get(process.id)
            assert r is not None, f"{process.id} was forgotten while alive"
            assert r.run == process.run, f"{process.id} runs {process.run}, not {r.run}"
            assert r.alive, f"{process.id} is alive but {r.state}"

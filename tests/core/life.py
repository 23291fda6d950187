"""A world to tell stories in: its clock, and an engine that does what the story says."""

from __future__ import annotations

from proctor.core.commands import Command, EndProbes, Kill, Probe, Signal, Spawn, StopCommand
from proctor.core.events import Exited, Gone, Probed, Spawned
from proctor.core.model import Exit, Replica, ReplicaId, State
from proctor.core.spec import Spec, TaskType
from proctor.core.world import World
from proctor.testing import FakeClock

OK = Exit(code=0)
FAILED = Exit(code=1)
KILLED = Exit(signal=15)


def every_minute(spec: Spec, after: float) -> float | None:
    """Understands "* * * * *", "hour" for every full hour, and "@reboot"."""
    if spec.schedule.cron == "@reboot":
        return None
    period = 3600 if spec.schedule.cron == "hour" else 60
    return (after // period + 1) * period


class Life:
    """A world, its clock, and what it has asked for and said so far."""

    def __init__(self, next_fire=every_minute) -> None:
        self.clock = FakeClock()
        self.next_fire = next_fire
        self.world = World(next_fire)
        self.asked: list[Command] = []
        self.notes: list[tuple[str, str]] = []
        self.saved_tasks = {}
        self.saved_replicas = {}
        self.runs = {}

    # What is asked of it.

    def add(self, name, type=TaskType.DAEMON, **fields):
        now = self.clock.now()
        self.world.put(self.world.new_task(Spec(name, type, name, **fields), now), now)
        return self.settle()

    def ask(self, request, *args, **fields):
        """Call the world's method of that name, with the time where it wants it last."""
        getattr(self.world, request)(*args, self.clock.now(), **fields)
        return self.settle()

    def settle(self):
        self.world.settle(self.clock.now())
        changes, commands = self.world.take()
        self.asked += commands
        self.notes += [(note.kind, note.reason) for note in changes.notes]
        self.runs |= changes.runs
        for name in changes.removed:
            self.saved_tasks.pop(name, None)
            self.saved_replicas = {
                id: r for id, r in self.saved_replicas.items() if id.task != name
            }
        for id in changes.dropped:
            self.saved_replicas.pop(id, None)
        self.saved_tasks |= changes.tasks
        self.saved_replicas |= changes.replicas
        return commands

    # What happens.

    def hear(self, event):
        self.world.handle(event, self.clock.now())
        return self.settle()

    def all_up(self, commands):
        following = []
        for command in commands:
            if isinstance(command, Spawn):
                following += self.hear(Spawned(command.id, command.run, 100 + command.run))
        return following

    def ends(self, name, index=0, exit=OK, *, left=False):
        id = ReplicaId(name, index)
        return self.hear(Exited(id, self.world.replicas[id].run, exit, left))

    def gone(self, name, index=0):
        id = ReplicaId(name, index)
        return self.hear(Gone(id, self.world.replicas[id].run))

    def probed(self, name, check, ok, text="seen", index=0):
        id = ReplicaId(name, index)
        return self.hear(Probed(id, self.world.replicas[id].run, check, ok, text))

    def pass_time(self, seconds):
        self.clock.advance(seconds)
        self.world.due(self.clock.now())
        return self.settle()

    def next_manager(self, *, late=True, away=0.0):
        """Replace the world by what a new one makes of what was saved."""
        self.clock.advance(away)
        self.world = World(self.next_fire, self.world.next_run)
        now = self.clock.now()
        for name, task in self.saved_tasks.items():
            mine = [r for r in self.saved_replicas.values() if r.id.task == name]
            self.world.restore(task, mine, now, late=late)
        return self.settle()

    # What is to be seen.

    def replica(self, name, index=0) -> Replica:
        return self.world.replicas[ReplicaId(name, index)]

    def state(self, name, index=0) -> State:
        return self.replica(name, index).state

    def blockers(self, name) -> list[str]:
        return [str(blocker) for blocker in self.world.blockers(name)]

    def task(self, name):
        return self.world.tasks[name]

    def reasons(self, kind) -> list[str]:
        return [reason for noted, reason in self.notes if noted == kind]


def spawned(commands) -> list[str]:
    """The tasks of which a process is asked for."""
    return sorted({command.id.task for command in commands if isinstance(command, Spawn)})


def spawned_ids(commands) -> list[str]:
    return [str(command.id) for command in commands if isinstance(command, Spawn)]


def ended(commands) -> list[str]:
    """What is asked to end, in order."""
    kinds = (Signal, Kill, StopCommand)
    return [str(command.id) for command in commands if isinstance(command, kinds)]


def probes(commands) -> list[str]:
    return [command.name for command in commands if isinstance(command, Probe)]


def ends_probes(commands) -> bool:
    return any(isinstance(command, EndProbes) for command in commands)

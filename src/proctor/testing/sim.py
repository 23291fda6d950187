"""Random histories, and the laws that hold in all of them.

The engine answers late, processes die when they like, fail their checks and leave others behind,
the clocks jump, the manager is killed at every point, and the machine is restarted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from proctor.core.commands import Command, Spawn
from proctor.core.events import Event
from proctor.core.model import Now, Replica, ReplicaId, State, Task
from proctor.core.schedules import NextFire
from proctor.core.spec import Spec
from proctor.core.world import World

from .fakes import FakeClock, FakeKeeper, FakeStore, never


class Killed(Exception):
    """The manager of a Sim was killed in the middle of a request."""


class Sim:
    """One random life.  `run` raises AssertionError when a law is broken.

    Each of `specs` is put into the world sooner or later, and changed in ways that `change` names;
    `pools` are the slots of pools.
    """

    def __init__(
        self,
        seed: int,
        specs: Sequence[Spec],
        next_fire: NextFire = never,
        pools: Mapping[str, int] | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock()
        self.keeper = FakeKeeper(self.random)
        self.store = FakeStore()
        self.pools = dict(pools or {})
        self._next_fire = next_fire
        self._specs = list(specs)
        self._commands: list[Command] = []
        self._news: list[Event] = []
        self._stopped: set[ReplicaId] = set()
        self._turned = False
        self.world = self._new_world()

    def run(self, steps: int) -> None:
        for spec in self.random.sample(self._specs, self.random.randint(0, len(self._specs))):
            self._attempt(partial(self._put, spec))
        for _ in range(steps):
            self._attempt(self.step)
            self.check()
        if self.random.random() < 0.5:
            self.calm_down()
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
        elif choice < 0.89:
            self.jump()
        else:
            self.pass_time(self.random.choice([0.1, 1.0, 5.0, 20.0]))

    # What is asked of the world.

    def request(self) -> None:
        """Ask for something, as the manager does: what must not be lost is saved first."""
        spec = self.random.choice(self._specs)
        now = self.clock.now()
        task = self.world.tasks.get(spec.name)
        if task is None:
            self._put(spec)
        elif not task.removing:
            self.random.choice(self._requests())(task, now)
            self.turn()

    def _put(self, spec: Spec) -> None:
        now = self.clock.now()
        task = self.world.new_task(spec, now)
        self._stopped -= {id for id in self._stopped if id.task == spec.name}
        self._save_first(task)
        self.world.put(task, now)
        self.turn()

    def _requests(self) -> list[Callable[[Task, Now], None]]:
        return [
            self._restart,
            self._start,
            self._stop,
            self._stop,
            self._update,
            self._update,
            self._remove,
            self._roll,
            self._signal,
            self._run_now,
        ]

    def _some_ids(self, task: Task) -> list[ReplicaId]:
        ids = self.world.ids_of(task.spec.name)
        return ids if self.random.random() < 0.6 else [self.random.choice(ids)]

    def _restart(self, task: Task, now: Now) -> None:
        name = task.spec.name
        if task.spec.is_scheduled:
            self.world.rearm(name, now)
            return
        ids = self.world.ids_of(name)
        self._stopped -= set(ids)
        self.world.restart(ids, now)

    def _start(self, task: Task, now: Now) -> None:
        ids, needs = self._some_ids(task), self.random.random() < 0.5
        self._stopped = set() if needs else self._stopped - set(ids)
        self.world.start(ids, now, trigger="api", needs=needs)

    def _stop(self, task: Task, now: Now) -> None:
        if self.random.random() < 0.3:
            self._stop_all(now)
            return
        ids = self._some_ids(task)
        if not task.spec.is_scheduled:
            self._stopped |= set(ids)
        self.world.stop(ids, now)

    def _stop_all(self, now: Now) -> None:
        """Dependents end first, so what they depend on may start again until its turn comes."""
        self.world.stop([id for name in self.world.tasks for id in self.world.ids_of(name)], now)

    def _update(self, task: Task, now: Now) -> None:
        spec = self.change(task.spec)
        roll = self.random.random() < 0.5
        kept = min(spec.replicas, task.spec.replicas)
        scaled = {id for id in self._stopped if id.task == spec.name and id.index >= kept}
        self._stopped -= scaled
        self._save_first(self.world.changed_task(spec, now, roll=roll))
        self.world.update(spec, now, roll=roll)

    def _remove(self, task: Task, now: Now) -> None:
        self._save_first(replace(task, removing=True, next_fire=None))
        self.world.remove(task.spec.name, now)

    def _roll(self, task: Task, now: Now) -> None:
        self.world.roll(task.spec.name, now)

    def _signal(self, task: Task, now: Now) -> None:
        self.world.signal(self._some_ids(task), "HUP")

    def _run_now(self, task: Task, now: Now) -> None:
        self._stopped -= {id for id in self._stopped if id.task == task.spec.name}
        self.world.run(task.spec.name, now)

    def change(self, spec: Spec) -> Spec:
        """Return the spec with something about it changed."""
        match self.random.randrange(6):
            case 0:
                return replace(spec, replicas=self.random.randint(1, 4))
            case 1:
                return replace(spec, cmd=f"version {self.random.randint(1, 3)}")
            case 2:
                return replace(spec, enabled=not spec.enabled)
            case 3:
                return replace(spec, timeout=self.random.choice([None, 2.0, 50.0]))
            case 4 if spec.readiness is not None:
                period = self.random.choice([1.0, 2.0])
                return replace(spec, readiness=replace(spec.readiness, period=period))
        return replace(spec, priority=self.random.randint(0, 3))

    # What happens to it.

    def hear(self, event: Event) -> None:
        self.world.handle(event, self.clock.now())
        self.turn()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        now = self.clock.now()
        self.world.due(now)
        self.turn()
        mono, wall = self.world.next_deadlines()
        assert mono is None or mono >= now.mono, "a deadline is in the past"
        assert wall is None or wall > now.wall, "a fire is in the past"

    def jump(self) -> None:
        """Somebody sets the clock, or the machine sleeps, and sometimes it is started anew."""
        choice = self.random.randrange(4)
        if choice == 3:
            self.reboot()
            return
        self.clock.set_wall(self.clock.wall + (3600.0, -3600.0, 7 * 3600.0)[choice])
        self.pass_time(0.0)

    def turn(self) -> None:
        """Settle and save; what is to be done waits, and is lost if the manager is killed."""
        self._turned = True
        self.world.settle(self.clock.now())
        changes, commands = self.world.take()
        self.store.save(changes)
        self._commands += commands
        for command in commands:
            if isinstance(command, Spawn):
                assert command.id not in self._stopped, f"{command.id} was stopped, and started"
                held = self.world.blockers(command.id.task)
                assert not held or held[0].task.startswith("pool "), f"{command.id}: {held[0]}"

    def crash(self) -> None:
        """Kill the manager and start another: only what was saved and the keeper's truth remain."""
        # The manager's last words may have reached the keeper, or some of them.
        for command in self._commands[: self.random.randint(0, len(self._commands))]:
            self.keeper.perform(command)
        self._live_again(late=True)
        alive = [r for r in self.world.replicas.values() if r.alive]
        for event in self.keeper.truth(alive):
            self.world.handle(event, self.clock.now())
        self._settle_in()

    def reboot(self) -> None:
        self.keeper.reboot()
        self.clock.mono = self.random.uniform(1.0, 100.0)
        self.clock.wall += 60.0
        self._live_again(late=False)
        self.world.rebooted(self.clock.now())
        self._settle_in()

    def come_to_rest(self) -> None:
        """After a halt, and with an engine that works, everything ends."""
        self.world.halt(self.clock.now())
        self.turn()
        self._go_on(lambda: self.world.idle and not self._commands and not self._news)
        assert self.world.idle, "did not come to rest"
        assert not self.keeper.processes, "a process was forgotten"

    def calm_down(self) -> None:
        """When all goes well for a while, all that is wanted runs, or says what it waits for."""
        self.keeper.kind = True
        end = self.clock.mono + 150.0
        self._go_on(lambda: self.clock.mono > end and not self._commands and not self._news)
        for r in self.world.replicas.values():
            self._check_calm(r, self.world.tasks[r.id.task])
        for task in self.world.tasks.values():
            name = task.spec.name
            assert not task.removing, f"{name} was not removed"
            waits = any(r.state is State.WAITING for r in self.world.replicas_of(name))
            assert waits or not (task.rolling or task.rolled), f"{name} rolls for ever"

    def _check_calm(self, r: Replica, task: Task) -> None:
        if not r.wanted or task.spec.timeout is not None or task.spec.is_scheduled:
            return
        assert r.state in (State.UP, State.WAITING), f"{r.id} is {r.state} though all goes well"
        if r.state is State.UP:
            assert r.ready, f"{r.id} did not get ready"
            assert r.revision == task.revision or task.roll_error, f"{r.id} has an old spec"

    # The laws that hold at every moment.

    def check(self) -> None:
        alive = [p.id for p in self.keeper.processes.values() if p.alive]
        assert len(alive) == len(set(alive)), "two processes for one replica"
        for process in self.keeper.processes.values():
            r = self.world.replicas.get(process.id)
            assert r is not None, f"{process.id} was forgotten while alive"
            assert r.run == process.run, f"{process.id} runs {process.run}, not {r.run}"
            assert r.alive, f"{process.id} is alive but {r.state}"
        if self._turned:
            self._check_waiting()
            self._turned = False

    def _check_waiting(self) -> None:
        world = self.world
        taken = Counter(
            world.tasks[r.id.task].spec.pool for r in world.replicas.values() if r.alive
        )
        full = {pool for pool, slots in self.pools.items() if taken[pool] == slots}
        for pool, slots in self.pools.items():
            assert taken[pool] <= slots, f"pool {pool}: {taken[pool]} of {slots}"
        for name in {r.id.task for r in world.replicas.values() if r.state is State.WAITING}:
            blockers = world.blockers(name)
            assert blockers, f"{name} waits for nothing"
            slot = blockers[0].task.startswith("pool ")
            is_full = world.tasks[name].spec.pool in full
            assert is_full or not slot, f"{name} waits for a free slot"

    # Inside.

    def _new_world(self) -> World:
        world = World(self._next_fire, self.store.next_run)
        world.pools = self.pools
        return world

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Killed:
            self.crash()

    def _save_first(self, task: Task) -> None:
        self.store.tasks[task.spec.name] = task
        if self.random.random() < 0.1:
            raise Killed

    def _live_again(self, *, late: bool) -> None:
        self._commands, self._news = [], []
        self.world = self._new_world()
        now = self.clock.now()
        for name, task in list(self.store.tasks.items()):
            self.world.restore(task, self.store.replicas_of(name), now, late=late)

    def _settle_in(self) -> None:
        """Take a new manager's first turn; fires that were queued must still be, or begin."""
        queued = sum(task.queued for task in self.store.tasks.values())
        self.world.settle(self.clock.now())
        changes, commands = self.world.take()
        begun = sum(note.kind == "schedule.fired" for note in changes.notes)
        left = sum(t.queued for t in self.world.tasks.values())
        gone = sum(self.store.tasks[name].queued for name in changes.removed)
        assert begun + left + gone >= queued, "a queued fire was lost"
        self.store.save(changes)
        self._commands += commands

    def _go_on(self, is_over: Callable[[], bool]) -> None:
        for _ in range(20_000):
            if is_over():
                break
            while self._commands:
                self._news += self.keeper.perform(self._commands.pop(0))
            if self._news:
                self.hear(self._news.pop(0))
            else:
                self.pass_time(1.0)

"""The engine of scripts and a host's desk, talking over a real socket; no scripts, no processes."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from proctor.core.commands import Kill, Signal, Spawn
from proctor.core.events import Event, Exited, Gone, Lost, Spawned, SpawnFailed
from proctor.core.hosts import host_spec, with_host
from proctor.core.model import Exit, ReplicaId
from proctor.core.spec import Spec, TaskType
from proctor.engine.base import KnownRun
from proctor.engine.hostlinks import listen
from proctor.engine.script import ScriptEngine
from proctor.keeper.protocol import Frame
from proctor.scripts.desk import CannotBegin, Desk, Run, hosts_address

SCRIPT = with_host(Spec("task", TaskType.MELANG, "a.m"))
HOST = ReplicaId("@melang", 0)
HOST_RUN = 1


class Stage:
    """Notes what is to be begun; ends a run when it is stopped, unless told not to."""

    def __init__(self) -> None:
        self.orders: list[Frame] = []
        self.runs: dict[int, Run] = {}
        self.refuse = ""
        self.deaf = False
        self.desk: Desk

    def begin(self, run: Run, order: Frame) -> None:
        if self.refuse:
            raise CannotBegin(self.refuse)
        self.orders.append(order)
        self.runs[run.number] = run

    def stop(self, run: Run, force: bool) -> None:
        if not self.deaf:
            self.desk.ended(run, code=None, error=None)


class Side:
    """A manager's side: an engine, what it reported, and the outputs it took over."""

    def __init__(self, listener: socket.socket, mark_base: int) -> None:
        self.events: list[Event] = []
        self.outputs: dict[int, int] = {}
        self.killed: list[int] = []
        self.engine = ScriptEngine(
            listener,
            mark_base=mark_base,
            on_output=lambda id, run, fd, stream: self.outputs.__setitem__(run, fd),
            uid_of=lambda spec: os.geteuid(),
            kill_host=lambda id, run: self.killed.append(run),
            is_script_task=lambda name: name == "task",
        )

    def take(self, events: Sequence[Event]) -> None:
        self.events += events

    def close(self) -> None:
        self.engine.close()
        for fd in self.outputs.values():
            os.close(fd)


class World:
    """One host and one manager after the other."""

    def __init__(self) -> None:
        self.mark_base = secrets.randbits(31) << 32
        self.listener = listen(hosts_address(self.mark_base))
        self.stage = Stage()
        self.desk = Desk(
            asyncio.get_running_loop(), self.stage, self.mark_base | HOST_RUN, self._connect
        )
        self.stage.desk = self.desk
        self.going = True
        self.side = self.manager([], [])
        self.side.engine.begin_host(Spawn(HOST, HOST_RUN, host_spec(SCRIPT, ("true",))))
        self.side.engine.host_event(Spawned(HOST, HOST_RUN, os.getpid(), 1))

    def _connect(self) -> None:
        if self.going:
            self.desk.connect()

    def manager(self, scripts: list[KnownRun], hosts: list[KnownRun]) -> Side:
        side = Side(self.listener, self.mark_base)
        side.engine.open(scripts, hosts, side.take)
        return side

    def next_manager(self, *scripts: KnownRun) -> Side:
        self.side.close()
        self.side = self.manager(list(scripts), [KnownRun(HOST, HOST_RUN, os.getpid(), 1)])
        return self.side

    def spawn(self, run: int) -> None:
        self.side.engine.perform(Spawn(ReplicaId("task", 0), run, SCRIPT))

    async def wait(self, *events: Event) -> None:
        async with asyncio.timeout(30):
            while self.side.events != list(events):
                await asyncio.sleep(0.001)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.001)

    def close(self) -> None:
        self.going = False
        self.side.close()
        self.listener.close()


ID = ReplicaId("task", 0)


def run(scenario: Callable[[World], object]) -> None:
    async def main() -> None:
        world = World()
        try:
            await scenario(world)  # type: ignore[misc]
        finally:
            world.close()
            await asyncio.sleep(0.01)  # The host sees that nobody is there.
            for one in world.desk.runs.values():
                one.close()

    asyncio.run(main())


def test_a_spawn_before_the_host_is_there_waits_for_it() -> None:
    async def scenario(world: World) -> None:
        world.spawn(7)
        world.desk.connect()

        await world.wait(Spawned(ID, 7, os.getpid()))

        assert [order["alias"] for order in world.stage.orders] == ["task:0"]
        assert world.side.outputs.keys() == {7}

    run(scenario)


def test_an_end_is_told_until_it_is_acknowledged() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))
        world.stage.desk.ended(world.stage.runs[7], code=1, error="a.m:1: no")
        await world.until(lambda: len(world.side.events) == 2)

        world.next_manager(KnownRun(ID, 7, os.getpid(), None))
        await world.until(lambda: len(world.side.events) == 2)
        spawned, ended = world.side.events
        world.side.engine.acknowledge(7)
        await world.until(lambda: not world.desk.runs)

        assert spawned == Spawned(ID, 7, os.getpid())
        assert isinstance(ended, Exited)
        assert (ended.exit.code, ended.exit.error) == (1, "a.m:1: no")
        assert not world.side.engine.knows(7)

    run(scenario)


def test_output_goes_on_into_the_same_pipe_for_the_next_manager() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))
        os.write(world.stage.runs[7].output, b"one ")

        side = world.next_manager(KnownRun(ID, 7, os.getpid(), None))
        await world.wait(Spawned(ID, 7, os.getpid()))
        os.write(world.stage.runs[7].output, b"two")

        assert os.read(side.outputs[7], 100) == b"one two"

    run(scenario)


def test_a_run_that_never_reached_the_host_is_lost() -> None:
    async def scenario(world: World) -> None:
        world.next_manager(KnownRun(ID, 7, None, None))

        world.desk.connect()

        await world.wait(Lost(ID, 7))

    run(scenario)


def test_a_run_that_is_on_no_record_is_ended() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))

        world.next_manager()
        await world.until(lambda: not world.desk.runs)

        assert world.side.events == []

    run(scenario)


def test_signals_end_a_script_and_harmless_ones_do_not() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        world.side.engine.perform(Signal(ID, 7, "CHLD"))
        world.side.engine.perform(Signal(ID, 7, "HUP"))
        await world.until(lambda: len(world.side.events) == 2)

        ended = world.side.events[1]
        assert isinstance(ended, Exited)
        assert ended.exit.signal == 1

    run(scenario)


def test_a_script_that_cannot_be_begun_is_a_failed_spawn() -> None:
    async def scenario(world: World) -> None:
        world.stage.refuse = "a.m:3: what is this"
        world.desk.connect()
        world.spawn(7)

        await world.wait(SpawnFailed(ID, 7, "a.m:3: what is this"))

        assert not world.desk.runs

    run(scenario)


def test_killing_what_the_host_does_not_have_is_answered() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))
        world.desk.runs.pop(7).close()
        world.side.engine.perform(Kill(ID, 7))

        await world.wait(Spawned(ID, 7, os.getpid()), Gone(ID, 7))

    run(scenario)


def test_the_hosts_end_is_the_end_of_what_it_has_and_none_of_what_it_never_got() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))
        world.next_manager(KnownRun(ID, 7, os.getpid(), None))
        world.spawn(8)  # The host has not come back yet.

        events = world.side.engine.host_event(Exited(HOST, HOST_RUN, Exit(signal=9)))
        world.spawn(9)
        await world.until(lambda: world.side.events)

        error = "its script host ended: killed by signal 9"
        assert events == [Exited(ID, 7, Exit(error=error)), Lost(ID, 8)]
        assert world.side.events == [Lost(ID, 9)]

    run(scenario)


def test_what_a_host_said_before_it_ended_counts() -> None:
    async def scenario(world: World) -> None:
        world.desk.connect()
        world.spawn(7)
        await world.wait(Spawned(ID, 7, os.getpid()))
        world.stage.desk.ended(world.stage.runs[7], code=0, error=None)

        (ended,) = world.side.engine.host_event(Exited(HOST, HOST_RUN, Exit(signal=9)))

        assert isinstance(ended, Exited)
        assert ended.exit.code == 0

    run(scenario)


def test_a_stranger_is_hung_up_on() -> None:
    async def scenario(world: World) -> None:
        other = Desk(
            asyncio.get_running_loop(), world.stage, world.mark_base | 99, lambda: closed.set()
        )
        closed = asyncio.Event()

        other.connect()
        async with asyncio.timeout(30):
            await closed.wait()

        assert world.side.events == []

    run(scenario)


def test_a_run_whose_host_is_not_there_any_more_has_ended() -> None:
    async def scenario(world: World) -> None:
        world.next_manager(KnownRun(ID, 7, 999_999_999, None))

        await world.wait(Exited(ID, 7, Exit(error="its script host ended: unseen")))

    run(scenario)


def test_the_desk_and_the_python_host_need_no_dependencies() -> None:
    """Another environment's interpreter runs them."""
    import subprocess
    import sys

    folder = Path(__file__).parents[2] / "src"
    code = "import sys; sys.path.insert(0, sys.argv[1]); import proctor.scripts.desk"

    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(folder)], check=True)

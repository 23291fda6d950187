from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from proctor.core.commands import Kill, Signal, Spawn
from proctor.core.events import Event, Exited, Gone, Lost, Spawned, SpawnFailed
from proctor.core.model import ReplicaId
from proctor.core.spec import Spec, TaskType
from proctor.engine.base import KnownRun
from proctor.engine.local import KeeperLost, LocalEngine

from ..keeper.harness import BASE, DEADLINE, KeeperProcess, Talk, marked, running

E = TypeVar("E", bound=Event)
WEB = ReplicaId("web", 0)


class Seat:
    """A manager's seat: an engine on the keeper's socket, and what it reports."""

    def __init__(self, keeper: KeeperProcess) -> None:
        self.keeper = keeper
        self.talk: Talk = keeper.manager()
        self.events: list[Event] = []
        self.output: dict[int, int] = {}
        self.stops: list[bool] = []
        self.lost = asyncio.Event()
        self._news = asyncio.Event()
        self.engine = LocalEngine(
            self.talk.link.sock,
            mark_base=BASE,
            environ={"PATH": os.environ["PATH"], "PROCTOR_TOKEN": "secret", "KEPT": "1"},
            on_output=lambda id, run, fd, stream: self.output.__setitem__(run, fd),
            on_stop=self._on_stop,
            on_lost=self.lost.set,
        )

    def _on_stop(self, force: bool) -> None:
        self.stops.append(force)
        self._news.set()

    def _on_events(self, events: Sequence[Event]) -> None:
        assert events
        self.events += events
        self._news.set()

    async def open(self, *known: KnownRun) -> None:
        await self.engine.open(known, self._on_events)

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not look():
                self._news.clear()
                await self._news.wait()

    async def wait(self, kind: type[E], run: int) -> E:
        found: list[E] = []

        def look() -> list[E]:
            found[:] = [e for e in self.events if isinstance(e, kind) and e.run == run]  # type: ignore[attr-defined]
            return found

        await self.until(look)
        return found[0]

    def spawn(self, run: int, cmd: str | tuple[str, ...], **more: object) -> None:
        spec = Spec("web", TaskType.ONCE, cmd, **more)  # type: ignore[arg-type]
        self.engine.perform([Spawn(WEB, run, spec)])

    def read(self, run: int) -> bytes:
        os.set_blocking(self.output[run], True)
        data = b""
        while part := os.read(self.output[run], 1 << 16):
            data += part
        return data

    def die(self) -> None:
        """Be gone as a killed manager is."""
        self.engine._let_go()
        os.kill(self.talk.bridge, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        for fd in [*self.output.values(), *self.engine.kept.values()]:
            os.close(fd)
        self.output.clear()
        self.engine.kept.clear()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[KeeperProcess]:
    with running(tmp_path) as it:
        yield it


def play(keeper: KeeperProcess, scene: Callable[[Seat], Awaitable[Seat | None]]) -> None:
    """Run a scene with a first manager; it returns the last one if there was another."""

    async def act() -> None:
        seat = Seat(keeper)
        await seat.open()
        (await scene(seat) or seat).close()

    asyncio.run(act())


def test_a_run_is_spawned_ends_and_gives_its_output(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        seat.spawn(
            1, "echo $PROCTOR_TASK $PROCTOR_REPLICA $PROCTOR_RUN $KEPT [$PROCTOR_TOKEN]; exit 3"
        )
        end = await seat.wait(Exited, 1)
        assert (end.id, end.exit.code, end.left) == (WEB, 3, False)
        assert end.exit.max_rss > 0
        assert isinstance(seat.events[0], Spawned)
        assert seat.read(1) == b"web 0 1 1 []\n"

    play(keeper, scene)


def test_a_signal_that_ended_it_is_told_as_one(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        seat.spawn(1, "sleep 600")
        await seat.wait(Spawned, 1)
        seat.engine.perform([Signal(WEB, 1, "INT")])
        assert (await seat.wait(Exited, 1)).exit.signal == signal.SIGINT

    play(keeper, scene)


def test_a_missing_program_and_account_fail_the_spawn(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        seat.spawn(1, "sleeep 5")
        seat.spawn(2, "sleep 5", user="no-such-user")
        assert not seat.events  # perform() reports nothing while it runs.
        first, second = await seat.wait(SpawnFailed, 1), await seat.wait(SpawnFailed, 2)
        assert first.error.startswith("no such file: sleeep")
        assert second.error == "user 'no-such-user' does not exist here"
        assert not first.transient

    play(keeper, scene)


def test_leftovers_are_killed_until_gone(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        seat.spawn(1, "(setsid sleep 600 &) ; exit 0")
        assert (await seat.wait(Exited, 1)).left
        seat.engine.perform([Kill(WEB, 1)])
        await seat.wait(Gone, 1)
        assert marked(BASE | 1) == []
        seat.engine.perform([Kill(WEB, 99)])
        await seat.wait(Gone, 99)

    play(keeper, scene)


def test_a_next_manager_learns_the_truth_of_each_run(keeper: KeeperProcess) -> None:
    async def scene(first: Seat) -> Seat:
        first.spawn(1, "sleep 600")
        first.spawn(2, "exit 4")
        first.spawn(3, "/nope/prog")
        first.spawn(4, "setsid sleep 600 & exit 0")
        first.spawn(5, "exit 0")
        first.spawn(6, "sleep 600")
        lives = await first.wait(Spawned, 1)
        await first.wait(Exited, 5)
        first.engine.acknowledge([5])
        for run, kind in ((2, Exited), (3, SpawnFailed), (4, Exited), (6, Spawned)):
            await first.wait(kind, run)
        first.die()

        second = Seat(keeper)
        known = [KnownRun(WEB, run, None, None) for run in (1, 2, 3, 4, 5)]
        await second.open(*known)

        assert second.engine.generation == 2
        truth = {(type(e), e.run): e for e in second.events}  # type: ignore[attr-defined]
        assert set(truth) == {
            *((Spawned, 1), (Exited, 2), (SpawnFailed, 3), (Exited, 4), (Lost, 5)),
        }
        assert truth[Spawned, 1] == lives
        assert truth[Exited, 2].exit.code == 4  # type: ignore[attr-defined]
        assert truth[Exited, 4].left  # type: ignore[attr-defined]
        # Run 6 is on no record: it must not live on.
        while marked(BASE | 6):
            await asyncio.sleep(0.01)
        return second

    play(keeper, scene)


def test_descriptors_are_found_by_the_next_manager(keeper: KeeperProcess) -> None:
    async def scene(first: Seat) -> Seat:
        left, right = socket.socketpair()
        with left, right:
            first.engine.keep("a", left.fileno())
            first.engine.keep("b", left.fileno())
            first.engine.drop("b")
            left.close()
            first.die()
            second = Seat(keeper)
            await second.engine.connect()
            assert list(second.engine.kept) == ["a"]
            os.write(second.engine.kept["a"], b"x")
            assert right.recv(10) == b"x"
        await second.open()
        return second

    play(keeper, scene)


def test_a_reload_keeps_what_runs(keeper: KeeperProcess) -> None:
    async def scene(first: Seat) -> Seat:
        first.spawn(1, "sleep 600")
        lives = await first.wait(Spawned, 1)
        await first.engine.reload()
        os.kill(first.talk.bridge, signal.SIGKILL)
        first.close()
        second = Seat(keeper)
        await second.open(KnownRun(WEB, 1, lives.pid, lives.ticks))
        assert second.events == [lives]
        return second

    play(keeper, scene)


def test_the_end_is_the_engines_to_say(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        await seat.engine.close(6)
        os.kill(seat.talk.bridge, signal.SIGKILL)

    play(keeper, scene)
    assert keeper.process.wait(DEADLINE) == 6


def test_stop_and_the_loss_of_the_keeper_are_told(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        keeper.process.send_signal(signal.SIGTERM)
        await seat.until(lambda: seat.stops)
        assert seat.stops == [False]
        keeper.process.kill()
        async with asyncio.timeout(DEADLINE):
            await seat.lost.wait()

    play(keeper, scene)


def test_what_outlived_its_keeper_is_adopted_or_lost(tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()

    async def scene() -> None:
        with running(folders[0]) as keeper:
            first = Seat(keeper)
            await first.open()
            first.spawn(1, "sleep 600")
            first.spawn(2, "sleep 600")
            one, two = await first.wait(Spawned, 1), await first.wait(Spawned, 2)
            keeper.process.kill()
            async with asyncio.timeout(DEADLINE):
                await first.lost.wait()
            first.close()
        os.kill(two.pid, signal.SIGKILL)
        with running(folders[1]) as keeper:
            second = Seat(keeper)
            await second.open(*(KnownRun(e.id, e.run, e.pid, e.ticks) for e in (one, two)))
            assert sorted(second.events, key=lambda e: e.run) == [one, Lost(WEB, 2)]  # type: ignore[attr-defined]
            second.engine.perform([Kill(WEB, 1)])
            end = await second.wait(Exited, 1)
            assert end.exit.signal in (signal.SIGKILL, None)
            second.close()

    asyncio.run(scene())
    assert marked(BASE | 1) == []


def test_five_hundred_start_and_stop(keeper: KeeperProcess) -> None:
    async def scene(seat: Seat) -> None:
        spec = Spec("web", TaskType.ONCE, "sleep 600")
        runs = range(1, 501)
        seat.engine.perform([Spawn(ReplicaId("web", run), run, spec) for run in runs])
        await seat.until(lambda: len(seat.events) == 500)
        assert {e.id.index for e in seat.events} == set(runs)
        seat.engine.perform([Signal(ReplicaId("web", run), run, "TERM") for run in runs])
        await seat.until(lambda: len(seat.events) == 1000)
        ends = {e.exit.signal for e in seat.events if isinstance(e, Exited)}
        assert ends == {signal.SIGTERM}

    play(keeper, scene)


def test_a_keeper_that_ends_before_it_has_answered_is_not_waited_for() -> None:
    async def scene() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            engine = LocalEngine(
                ours,
                mark_base=BASE,
                environ={},
                on_output=lambda id, run, fd, stream: None,
                on_stop=lambda force: None,
                on_lost=lambda: None,
            )
            connecting = asyncio.ensure_future(engine.connect())
            await asyncio.sleep(0)
        with pytest.raises(KeeperLost):
            await connecting
        with pytest.raises(KeeperLost):
            await engine.open((), lambda events: None)

    asyncio.run(scene())

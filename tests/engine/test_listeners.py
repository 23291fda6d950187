"""The sockets of tasks: bound once, told to the keeper, closed with the task."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proctor.core.errors import CannotListen
from proctor.core.spec import Socket, Spec, TaskType
from proctor.engine.listeners import Listeners, bind


class Keeper:
    """What a keeper is told: it holds copies."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def keep(self, name: str, fd: int) -> None:
        self.held[name] = os.dup(fd)

    def drop(self, name: str) -> None:
        os.close(self.held.pop(name))


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    it = Keeper()
    yield it
    for name in list(it.held):
        it.drop(name)


@pytest.fixture
def listeners(keeper: Keeper) -> Iterator[Listeners]:
    it = Listeners(keeper.keep, keeper.drop)
    yield it
    it.release()


def web(*addresses: str) -> Spec:
    sockets = tuple(Socket(f"s{n}", address) for n, address in enumerate(addresses))
    return Spec("web", TaskType.DAEMON, "serve", sockets=sockets)


def connects(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as client:
        return client.connect_ex(str(path)) == 0


def test_they_are_bound_once_and_named(
    listeners: Listeners, keeper: Keeper, tmp_path: Path
) -> None:
    spec = web(f"{tmp_path}/a", f"{tmp_path}/b b")

    names = listeners.ensure(spec)

    assert [name for _, name in names] == ["s0", "s1"]
    assert list(keeper.held) == [kept for kept, _ in names]
    before = dict(keeper.held)
    assert listeners.ensure(spec) == names
    assert keeper.held == before
    assert listeners.tasks() == {"web"}


def test_if_one_cannot_be_bound_none_is(
    listeners: Listeners, keeper: Keeper, tmp_path: Path
) -> None:
    with pytest.raises(CannotListen, match="no such file") as refused:
        listeners.ensure(web(f"{tmp_path}/a", "/no/such/folder/b"))

    assert refused.value.field == "sockets[1].address"
    assert keeper.held == {}
    assert not (tmp_path / "a").exists()


def test_what_is_not_wanted_any_more_is_closed(
    listeners: Listeners, keeper: Keeper, tmp_path: Path
) -> None:
    spec = web(f"{tmp_path}/a", f"{tmp_path}/b")
    listeners.ensure(spec)

    listeners.retain("web", spec.sockets[1:])
    listeners.retain("we", ())

    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert len(keeper.held) == 1
    listeners.retain("web", ())
    assert keeper.held == {}


def test_the_next_manager_goes_on_with_them(
    listeners: Listeners, keeper: Keeper, tmp_path: Path
) -> None:
    spec = web(f"{tmp_path}/a")
    names = listeners.ensure(spec)
    listeners.release()
    assert connects(tmp_path / "a")  # The keeper has it.

    following = Listeners(keeper.keep, keeper.drop)
    following.take_over({name: os.dup(fd) for name, fd in keeper.held.items()} | {"lock": -1})
    try:
        assert following.ensure(spec) == names
        assert following.tasks() == {"web"}
    finally:
        following.release()


def test_a_socket_that_a_dead_service_left_is_replaced_and_no_other(tmp_path: Path) -> None:
    path, file = tmp_path / "s", tmp_path / "file"
    bind(str(path), "f").close()
    with closing(bind(str(path), "f")):
        assert connects(path)
        with pytest.raises(CannotListen, match="address already in use"):
            bind(str(path), "f")
        assert connects(path)
    file.touch()
    with pytest.raises(CannotListen, match="address already in use"):
        bind(str(file), "f")
    assert file.exists()

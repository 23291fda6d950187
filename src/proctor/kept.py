"""What must outlive the manager, so the keeper holds it: the lock, and the listening sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial

from . import listen, statedir
from .config import Settings
from .engine.local import LocalEngine


def claim_state_dir(engine: LocalEngine, settings: Settings) -> None:
    """Lock the state directory, unless the manager before has.  Raises ConfigError."""
    if "lock" not in engine.kept:
        engine.keep("lock", statedir.lock(settings.state_dir, engine.keeper_pid))


def listeners(engine: LocalEngine, settings: Settings) -> list[socket.socket]:
    """Return the sockets to listen on, those of the manager before if they still fit.

    Raises CannotListen.
    """
    wanted: dict[str, Callable[[], socket.socket]] = {
        f"tcp {settings.host} {settings.port}": partial(listen.tcp, settings.host, settings.port)
    }
    if settings.unix_socket is not None:
        wanted[f"unix {settings.unix_socket}"] = partial(listen.unix, settings.unix_socket)
    ours = {name for name in engine.kept if name.startswith(("tcp ", "unix "))}
    for name in ours - wanted.keys():
        os.close(engine.kept.pop(name))
        engine.drop(name)
    return [listener(engine, name, bind) for name, bind in wanted.items()]


def listener(engine: LocalEngine, name: str, bind: Callable[[], socket.socket]) -> socket.socket:
    """Return the socket of that name, bound now if the manager before did not."""
    if name in engine.kept:
        return socket.socket(fileno=engine.kept[name])
    bound = bind()
    engine.keep(name, bound.fileno())
    return bound

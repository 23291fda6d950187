"""The sockets that tasks are served with: bound once, held by the keeper, closed with the task."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping

from proctor.core.errors import CannotListen
from proctor.core.spec import Socket, Spec

BACKLOG = 4096
PREFIX = "listen "

Keep = Callable[[str, int], None]


class Listeners:
    """The sockets by the names under which the keeper has them.

    `keep(name, fd)` and `drop(name)` tell the keeper.
    """

    def __init__(self, keep: Keep, drop: Callable[[str], None]) -> None:
        self._keep = keep
        self._drop = drop
        self._open: dict[str, socket.socket] = {}

    def take_over(self, kept: Mapping[str, int]) -> None:
        """Go on with the sockets of the manager before."""
        for name, fd in kept.items():
            if name.startswith(PREFIX):
                self._open[name] = socket.socket(fileno=fd)

    def ensure(self, spec: Spec) -> list[tuple[str, str]]:
        """Bind what is not bound yet; return [(name in the keeper, the socket's own name)].

        Raises CannotListen; then nothing is bound that was not before.
        """
        bound: dict[str, socket.socket] = {}
        try:
            for index, one in enumerate(spec.sockets):
                name = kept_name(spec.name, one)
                if name not in self._open and name not in bound:
                    bound[name] = bind(one.address, f"sockets[{index}].address")
        except CannotListen:
            for listener in bound.values():  # The keeper, which would let go later, has none yet.
                _end(listener)
            raise
        for name, listener in bound.items():
            self._open[name] = listener
            self._keep(name, listener.fileno())
        return [(kept_name(spec.name, one), one.name) for one in spec.sockets]

    def of(self, spec: Spec) -> Iterator[tuple[Socket, socket.socket]]:
        """Yield the task's sockets that are open."""
        for one in spec.sockets:
            if found := self._open.get(kept_name(spec.name, one)):
                yield one, found

    def retain(self, task: str, wanted: Iterable[Socket]) -> None:
        """Close the task's sockets, but for those wanted."""
        keep = {kept_name(task, one) for one in wanted}
        beginning = f"{PREFIX}{task} "
        self._close([n for n in self._open if n.startswith(beginning) and n not in keep])

    def tasks(self) -> set[str]:
        """Return the names of the tasks that have sockets."""
        return {name.split(" ")[1] for name in self._open}

    def release(self) -> None:
        """Let go of all; the keeper has them still."""
        for listener in self._open.values():
            listener.close()
        self._open.clear()

    def _close(self, names: Iterable[str]) -> None:
        for name in names:
            listener = self._open.pop(name)
            self._drop(name)
            _end(listener)


def kept_name(task: str, one: Socket) -> str:
    return f"{PREFIX}{task} {one.name} {one.address}"


def bind(address: str, field: str) -> socket.socket:
    """Return a socket that listens at host:port, or at a path.  Raises CannotListen."""
    try:
        if address.startswith("/"):
            return _bind_path(address)
        host, _, port = address.rpartition(":")
        return _bind_tcp(host.strip("[]"), int(port))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CannotListen(f"cannot listen on {address}: {why}", field=field) from None


def _bind_tcp(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _bind_path(path: str) -> socket.socket:
    """Who may connect is up to the folder: the socket itself is open to all, as systemd's are."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        if is_socket(path) and not _answers(path):
            os.unlink(path)  # Of a service that is dead.
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        try:
            client.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            return True  # EAGAIN: its queue is full.
    return True


def _end(listener: socket.socket) -> None:
    if listener.family == socket.AF_UNIX:
        path = listener.getsockname()
        if is_socket(path):
            os.unlink(path)
    listener.close()

"""The sockets behind `net`: who waits for which, and how.

Law: a socket is in use by one coroutine at a time, and whoever disarms it (its waiter, or
the one that closes it) removes it from the event loop before the descriptor is gone.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from ..plain import Value
from ..scheduler import TIMEOUT
from ._elsewhere import elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine
    from ..scheduler import Scheduler

RESOURCE = "net"
BACKLOG = 32767
READY = True
CLOSED = False

Address = tuple[int, int, int, tuple[object, ...]]


class Endpoint:
    """An open socket and the coroutine that waits for it, if one does."""

    __slots__ = ("armed", "family", "recv_shut", "send_shut", "sock", "user", "writing")

    def __init__(self, sock: socket.socket, family: object = None) -> None:
        self.sock = sock
        self.family = family
        self.user: Coroutine | None = None
        self.writing = False
        self.armed = False
        self.send_shut = False
        self.recv_shut = False

    def arm(self, co: Coroutine, writing: bool) -> None:
        """Have the event loop wake `co` once."""

        def ready() -> None:
            self.disarm(co.scheduler)
            co.scheduler.wake(co, READY)

        self.writing, self.armed = writing, True
        add = co.scheduler.add_writer if writing else co.scheduler.add_reader
        add(self.sock.fileno(), ready)

    def disarm(self, scheduler: Scheduler) -> None:
        if not self.armed:
            return
        self.armed = False
        remove = scheduler.remove_writer if self.writing else scheduler.remove_reader
        remove(self.sock.fileno())

    def dismiss(self, scheduler: Scheduler) -> None:
        """Let the operation that waits for this socket fail."""
        if self.armed and self.user is not None:
            self.disarm(scheduler)
            scheduler.wake(self.user, CLOSED)


class Sockets:
    """The sockets of one scheduler, by descriptor."""

    def __init__(self) -> None:
        self.tcp: dict[int, Endpoint] = {}
        self.udp: dict[int, Endpoint] = {}


def sockets(co: Coroutine) -> Sockets:
    table: Sockets = co.scheduler.resources.setdefault(RESOURCE, Sockets())
    return table


def added(co: Coroutine, table: dict[int, Endpoint], sock: socket.socket) -> int:
    sock.setblocking(False)
    table[sock.fileno()] = Endpoint(sock, family=co.sink)
    take_care(co)
    return sock.fileno()


def take_care(co: Coroutine) -> None:
    """Have `co`, when it ends, see to the sockets that nobody is left for."""
    if RESOURCE not in co.resources:
        co.resources[RESOURCE] = True
        co.on_end(lambda: leave(co))


def leave(co: Coroutine) -> None:
    """Close the family's sockets if `co` is the last of it, else have another do so.

    A family are those that write to the same place: a script and what it started.  For
    one that has a process of its own the sockets live as long as that.
    """
    for other in co.scheduler.coroutines:
        if other is not co and other.sink == co.sink:
            take_care(other)
            return
    both = sockets(co)
    for table in (both.tcp, both.udp):
        for fd in [fd for fd, endpoint in table.items() if endpoint.family == co.sink]:
            closed(co, table, fd)


def closed(co: Coroutine, table: dict[int, Endpoint], fd: int) -> None:
    endpoint = table.pop(fd, None)
    if endpoint is not None:
        endpoint.dismiss(co.scheduler)
        endpoint.sock.close()


def waited(
    co: Coroutine,
    endpoint: Endpoint,
    attempt: Callable[[], Value],
    *,
    writing: bool = False,
    timeout: float | None = None,
) -> Value:
    """Return what `attempt` answers as soon as it does not raise BlockingIOError.

    nil if that takes too long; false if it fails, or if the socket is closed meanwhile.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    endpoint.user = co
    try:
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            endpoint.arm(co, writing)
            answer = co.scheduler.suspend(co, left)
            if answer is TIMEOUT:
                return None
            if answer is CLOSED:
                return False
            try:
                return attempt()
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                return False
    finally:
        endpoint.disarm(co.scheduler)
        endpoint.user = None


def in_use(co: Coroutine, endpoint: Endpoint) -> bool:
    if endpoint.user is None:
        return False
    co.report("Socket used in other script task.")
    return True


def resolve(
    co: Coroutine, host: str, service: str, kind: int, family: int = socket.AF_UNSPEC
) -> list[Address]:
    """Return the addresses; only a name that must be asked for makes `co` wait."""

    def look_up(flags: int) -> list[Address]:
        found = socket.getaddrinfo(host, service, family, kind, 0, flags)
        return [(*entry[:3], entry[4]) for entry in found]

    passive = socket.AI_PASSIVE
    try:
        return look_up(passive | socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        pass
    try:
        return elsewhere(co, lambda: look_up(passive))
    except (OSError, ValueError):
        return []


def opened(address: Address) -> socket.socket:
    family, kind, protocol, _ = address
    return socket.socket(family, kind, protocol)


def bound(address: Address, *, share: bool) -> socket.socket | None:
    """Return a socket at an address, or None."""
    try:
        sock = opened(address)
    except OSError:
        return None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address[3])
            sock.listen(BACKLOG)
        else:
            sock.bind(address[3])
    except OSError:
        sock.close()
        return None
    return sock

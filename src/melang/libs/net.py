"""The library `net`: TCP and UDP.

Every operation that can wait suspends its coroutine, also if it could be done at once, so
that others get their turn.  Sockets belong to the process: a coroutine may use the number
that another one sends it, and they outlive their creator; see `_sockets.leave`.
"""

from __future__ import annotations

import socket
import time

from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import Value
from ._args import integer, reference, string, wrong_type
from ._sockets import (
    Address,
    Endpoint,
    added,
    bound,
    closed,
    in_use,
    opened,
    resolve,
    sockets,
    waited,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

CHUNK = 65536
MOST_AT_ONCE = 1 << 20  # what one tcp_recv returns at most


def milliseconds(value: Value, number: int) -> float | None:
    """Return a timeout in seconds; nil is none."""
    if value is None:
        return None
    if type(value) is not int or value < 0:
        wrong_type(number)
    return value / 1000


def name(value: Value, number: int, most: int, what: str) -> str:
    """Return a host or a service as the resolver wants it."""
    data = string(value, number)
    if len(data) > most:
        raise MelangError(f"Invalid {what}.")
    return data.decode("latin-1")


@builtin(2)
def tcp_listen(co: Coroutine, host: Value, service: Value) -> Value:
    where = name(host, 1, 127, "host"), name(service, 2, 63, "service")
    for address in resolve(co, *where, socket.SOCK_STREAM)[:1]:
        sock = bound(address, share=True)
        if sock is not None:
            return added(co, sockets(co).tcp, sock)
    return False


@builtin(2)
def tcp_accept(co: Coroutine, fd: Value, timeout: Value) -> Value:
    integer(fd, 1)
    limit = milliseconds(timeout, 2)
    table = sockets(co).tcp
    endpoint = table.get(fd)
    if endpoint is None or in_use(co, endpoint):
        return False
    if endpoint.recv_shut:
        co.report("Socket recv shutdown.")
        return False
    return waited(co, endpoint, lambda: added(co, table, endpoint.sock.accept()[0]), timeout=limit)


@builtin(3)
def tcp_connect(co: Coroutine, host: Value, service: Value, timeout: Value) -> Value:
    """Connect to the first of the addresses that answers."""
    limit = milliseconds(timeout, 3)
    deadline = None if limit is None else time.monotonic() + limit
    where = name(host, 1, 127, "host"), name(service, 2, 31, "service")
    answer: Value = False
    for address in resolve(co, *where, socket.SOCK_STREAM):
        left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
        answer = connected(co, address, left)
        if answer is not False:
            break
    return answer


def connected(co: Coroutine, address: Address, timeout: float | None) -> Value:
    try:
        sock = opened(address)
    except OSError:
        return False
    kept = False

    def established() -> Value:
        nonlocal kept
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return False
        kept = True
        return added(co, sockets(co).tcp, sock)

    try:
        sock.setblocking(False)
        try:
            sock.connect(address[3])
        except BlockingIOError:
            pass
        except OSError:
            return False
        return waited(co, Endpoint(sock), established, writing=True, timeout=timeout)
    finally:
        if not kept:
            sock.close()


@builtin(2)
def tcp_send(co: Coroutine, fd: Value, data: Value) -> Value:
    """Return true as soon as the kernel has all of `data`."""
    integer(fd, 1)
    rest = memoryview(string(data, 2))
    endpoint = sockets(co).tcp.get(fd)
    if endpoint is None or in_use(co, endpoint):
        return False
    if endpoint.send_shut:
        co.report("Socket send shutdown.")
        return False

    def send() -> Value:
        nonlocal rest
        rest = rest[endpoint.sock.send(rest) :]
        if rest:
            raise BlockingIOError
        return True

    return waited(co, endpoint, send, writing=True)


@builtin(2)
def tcp_recv(co: Coroutine, fd: Value, timeout: Value) -> Value:
    """Return what is there; true when the other side has closed."""
    integer(fd, 1)
    limit = milliseconds(timeout, 2)
    endpoint = sockets(co).tcp.get(fd)
    if endpoint is None or in_use(co, endpoint):
        return False
    if endpoint.recv_shut:
        co.report("Socket recv shutdown.")
        return False
    return waited(co, endpoint, lambda: received(endpoint.sock) or True, timeout=limit)


def received(sock: socket.socket) -> bytes:
    """Return all that can be had without waiting, b"" at the end of the stream."""
    data = sock.recv(CHUNK)
    pieces = [data]
    size = len(data)
    while len(data) == CHUNK and size < MOST_AT_ONCE:
        try:
            data = sock.recv(CHUNK)
        except OSError:
            break
        pieces.append(data)
        size += len(data)
    return b"".join(pieces)


@builtin(2)
def tcp_shutdown(co: Coroutine, fd: Value, mode: Value) -> Value:
    integer(fd, 1)
    direction = string(mode, 2).lower()
    table = sockets(co).tcp
    endpoint = table.get(fd)
    if endpoint is None:
        raise MelangError("socket not existing.")
    if direction not in (b"send", b"recv"):
        wrong_type(2)
    sending = direction == b"send"
    if endpoint.recv_shut if sending else endpoint.send_shut:
        closed(co, table, fd)
        return None
    if endpoint.writing == sending:
        endpoint.dismiss(co.scheduler)
    if sending:
        endpoint.send_shut = True
    else:
        endpoint.recv_shut = True
    try:
        endpoint.sock.shutdown(socket.SHUT_WR if sending else socket.SHUT_RD)
    except OSError:
        pass  # a listening socket, or the other side is gone
    return None


@builtin(1)
def tcp_close(co: Coroutine, fd: Value) -> Value:
    closed(co, sockets(co).tcp, integer(fd, 1))
    return None


@builtin(2)
def udp_create(co: Coroutine, host: Value, service: Value) -> Value:
    if host is None and service is None:
        return added(co, sockets(co).udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    if host is None:
        string(service, 2)
        raise MelangError("host cannot be nil.")
    node = name(host, 1, 127, "host")
    if service is None:
        raise MelangError("service cannot be nil.")
    port = name(service, 2, 63, "service")
    for address in resolve(co, node, port, socket.SOCK_DGRAM)[:1]:
        sock = bound(address, share=False)
        if sock is not None:
            return added(co, sockets(co).udp, sock)
    return False


def udp_endpoint(co: Coroutine, fd: int) -> Endpoint:
    endpoint = sockets(co).udp.get(fd)
    if endpoint is None:
        raise MelangError("socket not existing.")
    return endpoint


@builtin(4)
def udp_send(co: Coroutine, fd: Value, data: Value, host: Value, service: Value) -> Value:
    integer(fd, 1)
    datagram = string(data, 2)
    where = name(host, 3, 127, "host"), name(service, 4, 63, "service")
    endpoint = udp_endpoint(co, fd)
    if in_use(co, endpoint):
        return False
    found = resolve(co, *where, socket.SOCK_DGRAM, endpoint.sock.family)
    if not found or in_use(co, endpoint):
        return False

    def send() -> Value:
        endpoint.sock.sendto(datagram, found[0][3])
        return True

    return waited(co, endpoint, send, writing=True)


@builtin(5, refs=(2, 3))
def udp_recv(
    co: Coroutine, fd: Value, size: Value, ip: Value, port: Value, timeout: Value
) -> Value:
    """Return a datagram and set `ip` and `port`; an empty one gives false, as it always did."""
    integer(fd, 1)
    most = integer(size, 2)
    if most <= 0:
        wrong_type(2)
    limit = milliseconds(timeout, 5)
    endpoint = udp_endpoint(co, fd)
    if in_use(co, endpoint):
        return False

    def receive() -> Value:
        datagram, sender = endpoint.sock.recvfrom(min(most, CHUNK))
        reference(ip).set(str(sender[0]).encode())
        reference(port).set(sender[1])
        return datagram or False

    return waited(co, endpoint, receive, timeout=limit)


@builtin(1)
def udp_close(co: Coroutine, fd: Value) -> Value:
    closed(co, sockets(co).udp, integer(fd, 1))
    return None


FUNCTIONS: dict[bytes, Builtin] = {
    f.name: f
    for f in (
        tcp_listen,
        tcp_accept,
        tcp_connect,
        tcp_send,
        tcp_recv,
        tcp_shutdown,
        tcp_close,
        udp_create,
        udp_send,
        udp_recv,
        udp_close,
    )
}

"""The connections of the script hosts: who may be one, and what is said over them.

A host introduces itself with its birth mark; a process that does not bear that mark, or is another
user's, is hung up on.  A host that is not connected is told later what it is to be told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterable

from msgspec import Struct

from proctor.core.model import ReplicaId
from proctor.keeper.link import Link
from proctor.keeper.protocol import VERSION, Frame

_log = logging.getLogger("proctor.engine")

_RLIMIT_LOCKS = 10
_RUN = (1 << 32) - 1
_CREDENTIALS = struct.Struct("3i")

Frames = list[tuple[Frame, list[int]]]
"""Frames, each with the descriptors it brought."""


class Host(Struct):
    """A host that runs, or is about to.

    `uid`: whose process it is, if that is known.  `waiting` is what is to be said once it is
    `ready`: connected, and has told all it has.
    """

    id: ReplicaId
    run: int
    uid: int | None = None
    pid: int = 0
    link: Link | None = None
    ready: bool = False
    writing: bool = False
    waiting: list[Frame] = []


class HostLinks:
    """The hosts by their runs, and a listening socket where they connect.

    `on_frames(host, frames)` gets what a host says.
    """

    def __init__(
        self, listener: socket.socket, mark_base: int, on_frames: Callable[[Host, Frames], None]
    ) -> None:
        self.hosts: dict[int, Host] = {}
        self._listener = listener
        self._mark_base = mark_base
        self._on_frames = on_frames
        self._loop = asyncio.get_running_loop()
        self._strangers: dict[int, tuple[Link, int, int]] = {}

    def open(self) -> None:
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Hosts go on, and turn to the next manager."""
        self._loop.remove_reader(self._listener.fileno())
        for host in self.hosts.values():
            self._hang_up(host)
        for fd, (link, _, _) in self._strangers.items():
            self._loop.remove_reader(fd)
            close_all(link.close())
        self._strangers.clear()

    def forget(self, host: Host) -> Frames:
        """A host has ended: return what it said before."""
        frames: Frames = []
        while host.link is not None and not host.link.closed and host.link.readable():
            frames += _received(host.link)
        self._hang_up(host)
        del self.hosts[host.run]
        return frames

    def say(self, host: Host, frame: Frame) -> None:
        """Tell a host, now or when it is ready."""
        if host.ready:
            self.send(host, frame)
        else:
            host.waiting.append(frame)

    def became_ready(self, host: Host) -> None:
        host.ready = host.link is not None
        if not host.ready:
            return
        waiting, host.waiting = host.waiting, []
        for frame in waiting:
            self.send(host, frame)

    def send(self, host: Host, frame: Frame) -> None:
        if host.link is not None:
            host.link.send(frame)
            self._flush(host)

    # Inside

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid, uid, _ = _CREDENTIALS.unpack(found)
            self._strangers[sock.fileno()] = (Link(sock), pid, uid)
            self._loop.add_reader(sock.fileno(), self._on_stranger, sock.fileno())

    def _on_stranger(self, fd: int) -> None:
        """Somebody introduces itself: only a host that we had started is listened to."""
        link, pid, uid = self._strangers[fd]
        frames = _received(link)
        if not frames and not link.closed:
            return
        del self._strangers[fd]
        self._loop.remove_reader(fd)
        host = self._who_is(frames[0][0], pid, uid) if frames else None
        if host is None:
            close_all(fd for _, fds in frames for fd in fds)
            close_all(link.close())
            return
        self._hang_up(host)
        host.link, host.pid = link, pid
        self._loop.add_reader(fd, self._on_readable, host)
        self.send(host, {"op": "hello", "version": VERSION})
        self._on_frames(host, frames[1:])

    def _who_is(self, hello: Frame, pid: int, uid: int) -> Host | None:
        """Return which host that process is: it has to bear the mark that it names."""
        mark = hello.get("mark")
        if hello.get("op") != "hello" or type(mark) is not int or mark & ~_RUN != self._mark_base:
            return None
        host = self.hosts.get(mark & _RUN)
        if host is None or (pid != host.pid and mark != _mark_of(pid)):
            return None
        if host.uid is not None and uid not in (host.uid, 0, os.geteuid()):
            return None
        return host

    def _on_readable(self, host: Host) -> None:
        assert host.link is not None
        frames = _received(host.link)
        if host.link.closed:
            self._hang_up(host)
        self._on_frames(host, frames)

    def _hang_up(self, host: Host) -> None:
        if host.link is None:
            return
        fd = host.link.sock.fileno()
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        close_all(host.link.close())
        host.link, host.ready, host.writing = None, False, False

    def _flush(self, host: Host) -> None:
        assert host.link is not None
        full = not host.link.flush()
        if full == host.writing:
            return
        host.writing = full
        fd = host.link.sock.fileno()
        if full:
            self._loop.add_writer(fd, self._flush, host)
        else:
            self._loop.remove_writer(fd)


def listen(address: str) -> socket.socket:
    """Return the socket that hosts connect to."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.bind(address)
    sock.listen(128)
    return sock


def close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


def _received(link: Link) -> Frames:
    try:
        return link.receive()
    except ValueError as error:
        _log.error("a script host talks rubbish: %s", error)
        link.closed = True
        return []


def _mark_of(pid: int) -> int | None:
    try:
        return resource.prlimit(pid, _RLIMIT_LOCKS)[0]
    except OSError:
        return None

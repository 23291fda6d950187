"""One end of the socket between keeper and manager: frames and descriptors, never blocking."""

from __future__ import annotations

import array
import errno
import select
import socket
from collections import deque
from collections.abc import Iterable

from .protocol import CODEC, Codec, Decoder, Frame, encode

_READ = 1 << 16  # Some 30 spawns: what one turn of the loop takes in.
_CHUNK = 1 << 16
_FDS = 200  # The kernel takes 253 a message.
_CHOKED = (errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM)
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)


class Link:
    """Queues what is to be sent; `flush` sends, `receive` returns what came.

    The descriptors of a queued frame stay the caller's, who keeps them open until it is sent.
    """

    def __init__(self, sock: socket.socket, codec: Codec = CODEC) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.closed = False
        self.choked = False
        self._codec = codec
        self._decoder = Decoder(codec)
        self._out: deque[tuple[bytes, tuple[int, ...]]] = deque()

    def send(self, frame: Frame, fds: tuple[int, ...] = ()) -> None:
        if not self.closed:
            body = encode(frame | {"fds": len(fds)} if fds else frame, self._codec)
            self._out.append((body, fds))

    def flush(self) -> bool:
        """Send what the socket takes; return whether nothing is left to send.

        `choked` says that it is not the socket that is full but, say, that too many descriptors
        are in flight: it is writable all the same, and one has to try again a little later.
        """
        self.choked = False
        while self._out:
            data, fds, count = self._batch()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                sent = self.sock.sendmsg([data], rights)
            except OSError as error:
                if error.errno in _GONE:
                    self._out.clear()
                    return True
                self.choked = error.errno in _CHOKED
                return False
            for _ in range(count):
                self._out.popleft()
            if sent < len(data):
                self._out.appendleft((data[sent:], ()))  # The descriptors went with the first byte.
        return True

    def _batch(self) -> tuple[bytes, list[int], int]:
        bodies: list[bytes] = []
        fds: list[int] = []
        size = 0
        for body, with_fds in self._out:
            if bodies and (size + len(body) > _CHUNK or len(fds) + len(with_fds) > _FDS):
                break
            bodies.append(body)
            fds += with_fds
            size += len(body)
        return b"".join(bodies), fds, len(bodies)

    def receive(self) -> list[tuple[Frame, list[int]]]:
        """Return the frames of one read; sets `closed` at the end.  ValueError: rubbish."""
        try:
            data, fds = _receive(self.sock)
        except BlockingIOError:
            return []
        except OSError:
            data, fds = b"", []
        if not data:
            self.closed = True
        return self._decoder.feed(data, fds)

    def readable(self) -> bool:
        """Whether there is something to receive right now, the end included."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> list[int]:
        """Close the socket; returns descriptors that came without their frame, for closing."""
        self.closed = True
        self._out.clear()
        self.sock.close()
        return self._decoder.leftover()


def _receive(sock: socket.socket) -> tuple[bytes, Iterable[int]]:
    fds = array.array("i")
    room = socket.CMSG_SPACE(253 * fds.itemsize)
    data, rights, _flags, _from = sock.recvmsg(_READ, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, body in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(body[: len(body) - len(body) % fds.itemsize])
    return data, fds

"""Takes connections from a listening socket."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from proctor.log import get_logger

log = get_logger("api")

BACKLOG = 2048
AT_ONCE = 4
"""Connections taken in one turn of the event loop: those beyond the limit are refused, and closed,
before the next are taken.  asyncio's own server takes as many as wait, and runs out of files."""
AGAIN = 1.0
"""Seconds after which it tries again when it could take none."""

_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Makes a connection of each client that comes.  Owns the socket from `open` on."""

    def __init__(self, sock: socket.socket, make: Callable[[], asyncio.BaseProtocol]) -> None:
        self._sock = sock
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._begun: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        self._sock.setblocking(False)
        self._sock.listen(BACKLOG)
        self._loop.add_reader(self._sock, self._take)

    async def close(self) -> None:
        """Take no more; return when those that were taken are connections."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            try:
                client, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORT:
                    raise
                self._wait(error)
                return
            client.setblocking(False)
            begun = self._loop.create_task(self._loop.connect_accepted_socket(self._make, client))
            self._begun.add(begun)
            begun.add_done_callback(self._begun.discard)

    def _wait(self, error: OSError) -> None:
        log.error("cannot_accept", error=str(error.strerror), retry_in=AGAIN)
        self._loop.remove_reader(self._sock)
        self._timer = self._loop.call_later(AGAIN, self._loop.add_reader, self._sock, self._take)

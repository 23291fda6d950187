"""The line to the keeper as the manager's event loop has it: nothing waits, nothing gets lost."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence

from proctor.keeper.link import Link
from proctor.keeper.protocol import Frame

from .frames import CODEC

_log = logging.getLogger("proctor.engine")

OnFrames = Callable[[Sequence[tuple[Frame, list[int]]]], None]


class Wire:
    """Queues frames and sends what the socket takes; what it does not take follows by itself.

    `on_frames(frames)` gets the frames of one read, each with its descriptors; after that
    `on_closed()`, if the keeper is gone.
    """

    def __init__(
        self, sock: socket.socket, on_frames: OnFrames, on_closed: Callable[[], None]
    ) -> None:
        sock.set_inheritable(False)
        self._link = Link(sock, CODEC)
        self._fd = sock.fileno()
        self._on_frames = on_frames
        self._on_closed = on_closed
        self._writing = False
        self._copies: list[int] = []
        self._loop: asyncio.AbstractEventLoop

    @property
    def closed(self) -> bool:
        return self._link.closed

    def listen(self) -> None:
        """Begin to take in what the keeper says, in the loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._on_readable)

    def send(self, frame: Frame) -> None:
        """Queue a frame: `flush` sends many at once."""
        self._link.send(frame)

    def send_now(self, frame: Frame) -> None:
        self.send(frame)
        self.flush()

    def send_descriptor(self, frame: Frame, fd: int) -> None:
        copy = os.dup(fd)  # The queue may outlive the caller's.
        self._copies.append(copy)
        self._link.send(frame, (copy,))
        self.flush()

    def flush(self) -> None:
        full = not self._link.flush()
        while self._copies and not full:
            os.close(self._copies.pop())
        if full == self._writing or self._link.closed:
            return
        self._writing = full
        if full:
            self._loop.add_writer(self._fd, self.flush)
        else:
            self._loop.remove_writer(self._fd)

    async def send_all(self, frame: Frame) -> None:
        """Return when this and all that was queued before it is sent."""
        self.send(frame)
        while not self._link.flush():
            await asyncio.sleep(0.01)

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._writing = False
        for fd in self._link.close():
            os.close(fd)

    def _on_readable(self) -> None:
        try:
            frames = self._link.receive()
        except ValueError as error:
            _log.error("the keeper talks rubbish: %s", error)
            frames = []
            self._link.closed = True
        self._on_frames(frames)
        if self._link.closed:
            self._on_closed()

"""A connection's transport, with the flow of bytes under control in both directions."""

from __future__ import annotations

import asyncio


class Stall:
    """Cuts off a client that reads nothing of what is sent to it for `seconds`, while watched."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def watched(self) -> bool:
        return self._timer is not None

    def watch(self) -> None:
        self.unwatch()
        self._unsent = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._check)

    def unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if self._transport.get_write_buffer_size() >= self._unsent:
            self._transport.abort()
        else:
            self.watch()


class Wire:
    """`write_paused`: the client does not read as fast as we write; `drain` waits for it."""

    def __init__(self, transport: asyncio.Transport, stall: float) -> None:
        self.transport = transport
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.write_paused = False
        self._read_paused = False
        self._writable = asyncio.Event()
        self._stall = Stall(transport, stall)

    def pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.write_paused = True
        self._writable.clear()
        self._stall.watch()

    def resume_writing(self) -> None:
        self.write_paused = False
        self._writable.set()
        self._stall.unwatch()

    async def drain(self) -> None:
        """Return when the client has read, or is gone."""
        await self._writable.wait()

    def close(self) -> None:
        """Close when all is sent, but do not wait for a client that does not read it."""
        self.transport.close()
        if not self._stall.watched and self.transport.get_write_buffer_size():
            self._stall.watch()

    def lost(self) -> None:
        self.resume_writing()

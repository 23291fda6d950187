"""The transport between uvicorn and a client's socket."""

from __future__ import annotations

import asyncio
from typing import Any

MERGED = 64 * 1024
"""Bytes of a body's first piece that are copied to go out together with the head."""


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


class Wire(asyncio.Transport):
    """Passes all on to `bare`, a socket's transport; two things are its own.

    The head of a response waits for the first piece of its body, so that a small response is one
    write, one packet and one wake-up of the client.  A client that reads nothing of what is sent
    to it for `stall` seconds is cut off.
    """

    def __init__(self, bare: asyncio.Transport, stall: float) -> None:
        super().__init__()
        self.bare = bare
        self.stall = Stall(bare, stall)
        self._head: bytes | None = None
        self._head_due = True
        # These two are asked for with every request.
        self.is_closing = bare.is_closing  # type: ignore[method-assign]
        self.resume_reading = bare.resume_reading  # type: ignore[method-assign]

    def write(self, data: Any) -> None:
        head = self._head
        if head is not None:
            self._head = None
            if len(data) > MERGED:
                self.bare.write(head)
            else:
                data = head + data
        elif self._head_due and not data.startswith(b"HTTP/1.1 100"):
            self._head_due = False
            self._head = data
            return
        self.bare.write(data)

    def response_complete(self) -> None:
        self._flush()
        self._head_due = True

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self.bare.write(head)

    def pause_reading(self) -> None:
        self.bare.pause_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.bare.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self.bare.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.bare.set_protocol(protocol)

    def close(self) -> None:
        """Close when all is sent, but do not wait for a client that does not read it."""
        self._flush()
        self.bare.close()
        if not self.stall.watched and self.bare.get_write_buffer_size():
            self.stall.watch()

    def abort(self) -> None:
        self.bare.abort()

    def lost(self) -> None:
        self._head = None
        self.stall.unwatch()

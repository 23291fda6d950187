"""A terminal at both ends of a WebSocket: what is typed here goes there, what is said there comes.

Rule: whatever happens, our own terminal is as it was before.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from msgspec import Struct
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from proctor.client.calls import error_of
from proctor.client.endpoint import discover
from proctor.client.transport import Transport

from .failure import Failed

PIECE = 64 << 10
LEAVE = (0x10, 0x11)
"""Ctrl-P, Ctrl-Q: leaves what one is attached to running, as docker's."""


class Keys:
    """Looks for the keys that leave.  A key that might begin them is held back until the next."""

    def __init__(self) -> None:
        self._held = False

    def typed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what is to be sent of it, and whether one has left."""
        out = bytearray()
        for byte in data:
            if self._held and byte == LEAVE[1]:
                return bytes(out), True
            if self._held:
                out.append(LEAVE[0])
            self._held = byte == LEAVE[0]
            if not self._held:
                out.append(byte)
        return bytes(out), False


class End(Struct, frozen=True):
    """How it ended: `last` is the last text that the service sent, `reason` why it closed."""

    detached: bool = False
    last: str = ""
    reason: str = ""


class Line:
    """The connection to a WebSocket of the service, opened by `with`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: ClientConnection
        self.last = ""
        self.reason = ""

    def __enter__(self) -> Self:
        transport = Transport(discover(), 30.0, 1.0)
        sock, endpoint = transport.detached()
        token = transport.access.token
        host = "localhost" if endpoint.unix else f"{endpoint.host}:{endpoint.port}"
        try:
            self._socket = connect(
                f"ws://{host}{endpoint.prefix}{self._path}",
                sock=sock,
                additional_headers={"Authorization": f"Bearer {token}"} if token else None,
                compression=None,
                max_size=None,
                proxy=None,
            )
        except InvalidStatus as refused:
            body = bytes(refused.response.body or b"")
            raise error_of(refused.response.status_code, body) from None
        except (OSError, EOFError) as error:
            raise Failed(f"the service does not answer: {error}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except ConnectionClosed:
            pass  # The reader sees it too, and says why.

    def say(self, message: dict[str, Any]) -> None:
        try:
            self._socket.send(json.dumps(message))
        except ConnectionClosed:
            pass

    def say_eof(self) -> None:
        self.say({"eof": True})

    def leave(self) -> None:
        """What is typed is over, and nobody looks for longer than it takes to be read."""
        self._socket.close()

    def resize(self) -> None:
        if (size := window()) is not None:
            self.say({"size": size})

    def show(self) -> None:
        """Write what is said to standard output, until the service closes."""
        try:
            for message in self._socket:
                if isinstance(message, bytes):
                    _write(message)
                else:
                    self.last = message
            closed = self._socket.close_reason
        except ConnectionClosed as error:
            closed = error.rcvd.reason if error.rcvd else "the connection is gone"
        self.reason = closed or ""


def talk(line: Line, typed: int | None, *, at_end: Callable[[], None], detach: bool = True) -> End:
    """Pass things on until the service closes, or the keys that leave are pressed.

    `at_end` is called when there is nothing more to read from `typed`.
    """
    over, wake = os.pipe2(os.O_CLOEXEC)
    resized, tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    # Not from the handler itself: what it interrupts may be sending.
    before = signal.signal(signal.SIGWINCH, lambda *_: os.write(tell, b"."))

    def show() -> None:
        try:
            line.show()
        finally:
            os.close(wake)

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    try:
        if _pass_on(line, typed, over, resized, at_end, Keys() if detach else None):
            return End(detached=True)
        reader.join()
        return End(last=line.last, reason=line.reason)
    finally:
        signal.signal(signal.SIGWINCH, before)
        for fd in (over, resized, tell):
            os.close(fd)


def _pass_on(
    line: Line,
    typed: int | None,
    over: int,
    resized: int,
    at_end: Callable[[], None],
    keys: Keys | None,
) -> bool:
    """Send what is typed; return whether one has left."""
    sources = [over, resized] if typed is None else [over, resized, typed]
    while over not in (ready := select.select(sources, [], [])[0]):
        data = os.read(ready[0], PIECE)
        if ready[0] == resized:
            line.resize()
            continue
        if not data:
            sources = [over, resized]
            at_end()
            continue
        sent, left = keys.typed(data) if keys else (data, False)
        if sent:
            line.send(sent)
        if left:
            return True
    return False


def window() -> tuple[int, int] | None:
    """Return our (rows, columns), None if we have no window."""
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return None
    return max(1, min(1000, size.lines)), max(1, min(1000, size.columns))


@contextmanager
def raw(fd: int | None) -> Iterator[None]:
    """Have every key pass through: echo and signals are the other end's."""
    if fd is None or not os.isatty(fd):
        yield
        return
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]

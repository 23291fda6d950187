"""The terminal of a run: what it says goes into the log and to whoever looks.

Rule 1: the log comes first; while its pipe is full nothing more is read, as with any output.
Rule 2: a viewer that does not keep up is dropped, not waited for.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable

CHUNK = 1 << 16
REPLAY = 1 << 16
"""How many of the last bytes a new viewer sees."""
MOST_WAITING = 1 << 20
"""How many bytes may wait for a viewer."""


class Viewer:
    """Somebody who looks: `chunk` returns what there is to show, None at the end."""

    def __init__(self, replay: bytes) -> None:
        self._bytes = bytearray(replay)
        self._news = asyncio.Event()
        self.over = False
        self.too_slow = False
        if replay:
            self._news.set()

    def show(self, data: bytes) -> None:
        if len(self._bytes) + len(data) > MOST_WAITING:
            self.too_slow = True
            self.end()
        else:
            self._bytes += data
            self._news.set()

    def end(self) -> None:
        self.over = True
        self._news.set()

    async def chunk(self) -> bytes | None:
        await self._news.wait()
        data = bytes(self._bytes)
        self._bytes.clear()
        if data and not self.too_slow:
            if not self.over:
                self._news.clear()
            return data
        return None


class Terminal:
    """Reads the master; `log` is the write end of the run's output.  Owns both, non-blocking.

    `on_hangup()` is called once nobody has the terminal open any more and all it said is taken.
    """

    def __init__(self, master: int, log: int, on_hangup: Callable[[], None]) -> None:
        self._master = master
        self._log = log
        self._on_hangup = on_hangup
        self._loop = asyncio.get_running_loop()
        self._unlogged = b""
        self._last = bytearray()
        self._viewers: list[Viewer] = []
        self._hung_up = False
        self._finishing = False
        self._closed = False
        self._loop.add_reader(master, self._read)

    def view(self) -> Viewer:
        viewer = Viewer(bytes(self._last))
        self._viewers.append(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        if viewer in self._viewers:
            self._viewers.remove(viewer)

    def resize(self, rows: int, columns: int) -> None:
        """Its foreground process gets SIGWINCH by that."""
        if not self._closed:
            set_size(self._master, rows, columns)

    def finish(self) -> None:
        """Nothing of the run is left: what was said is taken, then it is over."""
        self._finishing = True
        if not self._unlogged:
            self._read()

    def close(self) -> None:
        """Let go of it."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._log)
        os.close(self._master)
        os.close(self._log)
        for viewer in self._viewers:
            viewer.end()

    def _read(self) -> None:
        while not self._unlogged and not self._hung_up:
            try:
                data = os.read(self._master, CHUNK)
            except BlockingIOError:
                if not self._finishing:
                    return
                data = b""
            except OSError:  # EIO: nobody has it open.
                data = b""
            if data:
                self._show(data)
                self._write(data)
            else:
                self._hang_up()
            if not self._finishing:
                return

    def _show(self, data: bytes) -> None:
        self._last += data
        del self._last[:-REPLAY]
        for viewer in self._viewers:
            viewer.show(data)

    def _write(self, data: bytes) -> None:
        try:
            rest = data[os.write(self._log, data) :]
        except BlockingIOError:
            rest = data
        except OSError:
            rest = b""  # Nobody takes it: the log is being closed.
        if rest and not self._unlogged:
            self._loop.remove_reader(self._master)
            self._loop.add_writer(self._log, self._write_rest)
        self._unlogged = rest

    def _write_rest(self) -> None:
        self._write(self._unlogged)
        if not self._unlogged:
            self._loop.remove_writer(self._log)
            self._loop.add_reader(self._master, self._read)
            if self._finishing:
                self._read()

    def _hang_up(self) -> None:
        self._hung_up = True
        self._loop.remove_reader(self._master)
        self._on_hangup()


def set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

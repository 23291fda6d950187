"""Reads all processes, again and again, as few of them and as cheaply as it can."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import suppress

from .procfs import TICKS, Proc, parse

_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_SLICE = 64

MOST_OPEN = 8192
"""Files of /proc that are kept open, at most; a quarter of the descriptors there may be, if that is
less."""

REREAD = 5
REREAD_ASLEEP = 15
"""Sweeps."""
OLD = 10.0
"""Seconds; older processes do not become somebody's that were nobody's."""


class _Known:
    """A process that was read, whose files are open.

    Such a file is of one process for ever: of one that has ended nothing can be read, also when
    its pid is another's.
    """

    __slots__ = ("_asleep", "_ran", "_sched", "_stat", "_text", "pid", "proc")

    def __init__(self, folder: int, name: str) -> None:
        """OSError: it has ended."""
        self.pid = int(name)
        self.proc: Proc | None = None
        self._stat = os.open(name + "/stat", _FLAGS, dir_fd=folder)
        try:
            self._sched = os.open(name + "/schedstat", _FLAGS, dir_fd=folder)
        except OSError:  # Not every kernel has it.
            self._sched = -1
        self._ran = self._text = b""
        self._asleep = False

    def has_run(self) -> bool:
        """Whether it may have changed since it was read.  OSError: it has ended."""
        return not self._asleep or os.pread(self._sched, 64, 0) != self._ran

    def read(self) -> None:
        """Read what it uses; `proc` stays the same object if that has not changed.

        OSError: it has ended.
        """
        if self._sched >= 0:
            self._ran = os.pread(self._sched, 64, 0)  # First: what it does after this shows later.
        text = os.pread(self._stat, 1024, 0)
        if text != self._text:
            self._text = text
            self.proc = proc = parse(text)
            alone = proc is not None and proc.threads == 1
            running = text[text.rfind(b")") + 2 :][:1] == b"R"  # What it has run is known later.
            self._asleep = alone and not running and self._ran[:2] not in (b"", b"0 ")

    def close(self) -> None:
        os.close(self._stat)
        if self._sched >= 0:
            os.close(self._sched)


class Census:
    """Reads all processes, again and again.

    Three rules.  Who was nobody's and is older than OLD is not read until the next of REREAD
    sweeps.  Of who has one thread and was asleep, only that is read whether it has run since, for
    without that it cannot have changed, until the next of REREAD_ASLEEP sweeps.  A line that is
    the same is not parsed.  So a pid that is used again within seconds may be overlooked for
    REREAD sweeps, and that one who sleeps was swapped out is seen late.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._others: set[str] = set()
        self._alive: set[int] = set()
        self._dead: set[int] = set()
        self._count = 0
        self._most_open = min(MOST_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)

    def sweep(self) -> Iterator[dict[int, Proc]]:
        """Read a slice a step; every step yields the same dict, the last one a full one.

        A sweep takes 5 to 20 us a process: the caller can do something else between two slices.
        """
        found: dict[int, Proc] = {}
        everything = self._count % REREAD_ASLEEP == 0
        if self._count % REREAD == 0:
            self._others.clear()
        self._count += 1
        self._dead.clear()
        folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            names = [n for n in os.listdir(folder) if n[0] <= "9" and n not in self._others]
            for first in range(0, len(names), _SLICE):
                self._read(folder, names[first : first + _SLICE], found, everything)
                yield found
            self._bury(self._known.keys() - names, found)
            yield found
        finally:
            os.close(folder)

    def rest(self) -> None:
        """Let go of all: there may be no sweep for long."""
        self._alive.clear()
        for name in list(self._known):
            self._drop(name)

    def nobodys(self, procs: Mapping[int, Proc], ours: Container[int]) -> None:
        """Of what was read, only these processes are somebody's."""
        before = (time.clock_gettime(time.CLOCK_BOOTTIME) - OLD) * TICKS
        found = (pid for pid, proc in procs.items() if pid not in ours and proc.start < before)
        self._others.update(map(str, found))
        self._alive.difference_update(map(int, self._others))
        for name in self._others & self._known.keys():
            self._drop(name)

    def _read(
        self, folder: int, names: Iterable[str], found: dict[int, Proc], everything: bool
    ) -> None:
        known = self._known
        for name in names:
            one = known.get(name)
            try:
                if one is None:
                    one = self._first_read(folder, name)
                elif everything or one.has_run():
                    one.read()
            except OSError:
                one = self._read_again(folder, name)
            if one is not None and one.proc is not None:
                found[one.pid] = one.proc

    def _first_read(self, folder: int, name: str) -> _Known:
        """Open the files, read them, and keep them open if there is room.  OSError: it is gone."""
        one = _Known(folder, name)
        try:
            one.read()
        except OSError:
            one.close()
            raise
        if 2 * len(self._known) + 2 <= self._most_open:
            self._known[name] = one
        else:
            one.close()
        return one

    def _read_again(self, folder: int, name: str) -> _Known | None:
        """Read of who has the pid now; nothing, if nobody has."""
        if name not in self._known:
            return None
        self._drop(name)
        self._dead.add(int(name))
        try:
            return self._first_read(folder, name)
        except OSError:
            return None

    def _bury(self, gone: Collection[str], found: dict[int, Proc]) -> None:
        """Forget who is gone; their children, though asleep, have another parent now.

        They have it as soon as one is a zombie, or when another has its pid.
        """
        for name in gone:
            self._drop(name)
        dead = self._dead | (self._alive - found.keys())
        self._alive = set(found)
        known = self._known.values() if dead else ()
        orphans = [one for one in known if one.proc and one.proc.parent in dead]
        for one in orphans:
            with suppress(OSError):
                one.read()
                if one.proc is not None:
                    found[one.pid] = one.proc

    def _drop(self, name: str) -> None:
        self._known.pop(name).close()

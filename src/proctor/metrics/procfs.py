"""Reading /proc: what every process uses, in one pass of reads as cheap as they can be."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
_RLIMIT_LOCKS = 10  # Where the keeper puts the birth mark; see keeper/tree.py.
_RUN = (1 << 32) - 1
_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_SLICE = 64

MOST_OPEN = 4096
"""Files of /proc that are kept open, at most; a quarter of the descriptors there may be, if that is
less."""

REREAD = 5
OLD = 10.0
"""Seconds; older processes do not become somebody's that were nobody's."""


class Proc(NamedTuple):
    """One process, from /proc/PID/stat.

    `ticks` is the CPU time of itself and of the children it has waited for, `start` when it
    began since boot, both in clock ticks; `rss` is in bytes.
    """

    parent: int
    session: int
    ticks: int
    threads: int
    start: int
    rss: int


class Census:
    """Reads all processes, again and again, as few of them and as cheaply as it can.

    Rule: a line that has not changed is not parsed again; a process that was nobody's and is older
    than OLD is not read again until the next of REREAD sweeps.  So a pid that is used again within
    seconds may be overlooked for REREAD sweeps; a process that is young never is.

    The files of somebody's processes are kept open, which halves what a sweep costs.  Such a file
    is of one process for ever: of one that has ended nothing can be read, also when its pid is
    another's.
    """

    def __init__(self) -> None:
        self._lines: dict[str, tuple[bytes, Proc]] = {}
        self._files: dict[str, int] = {}
        self._others: set[str] = set()
        self._count = 0
        self._most_open = min(MOST_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)

    def sweep(self) -> Iterator[dict[int, Proc]]:
        """Read a slice a step; every step yields the same dict, the last one a full one.

        A sweep takes 10 to 20 us a process: the caller can do something else between two slices.
        """
        found: dict[int, Proc] = {}
        before, self._lines = self._lines, {}
        if self._count % REREAD == 0:
            self._others.clear()
        self._count += 1
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            names = [n for n in os.listdir(proc) if n[0] <= "9" and n not in self._others]
            for first in range(0, len(names), _SLICE):
                self._read(proc, names[first : first + _SLICE], before)
                yield found
            found.update((int(name), line[1]) for name, line in self._lines.items())
            for name in self._files.keys() - self._lines.keys():
                os.close(self._files.pop(name))
            yield found
        finally:
            os.close(proc)

    def rest(self) -> None:
        """Let go of all: there may be no sweep for long."""
        self._lines = {}
        while self._files:
            os.close(self._files.popitem()[1])

    def nobodys(self, procs: Mapping[int, Proc], ours: Container[int]) -> None:
        """Of what was read, only these processes are somebody's."""
        before = (time.clock_gettime(time.CLOCK_BOOTTIME) - OLD) * TICKS
        found = (pid for pid, proc in procs.items() if pid not in ours and proc.start < before)
        self._others.update(map(str, found))
        for name in self._others & self._files.keys():
            os.close(self._files.pop(name))

    def _read(
        self, proc: int, names: Iterable[str], before: Mapping[str, tuple[bytes, Proc]]
    ) -> None:
        none = (b"", None)
        files, read = self._files, os.pread
        for name in names:
            fd = files.get(name)
            try:
                text = read(fd, 1024, 0) if fd is not None else self._first_read(proc, name)
            except OSError:
                text = self._read_again(proc, name)
            if not text:
                continue
            line: tuple[bytes, Proc | None] = before.get(name, none)
            parsed = line[1] if line[0] == text else parse(text)
            if parsed is not None:
                self._lines[name] = (text, parsed)

    def _first_read(self, proc: int, name: str) -> bytes:
        """Open the file, read it, and keep it open if there is room.  OSError: it is gone."""
        fd = os.open(name + "/stat", _FLAGS, dir_fd=proc)
        try:
            text = os.pread(fd, 1024, 0)
        except OSError:
            os.close(fd)
            raise
        if len(self._files) < self._most_open:
            self._files[name] = fd
        else:
            os.close(fd)
        return text

    def _read_again(self, proc: int, name: str) -> bytes:
        """Read of who has the pid now; nothing, if nobody has."""
        fd = self._files.pop(name, None)
        if fd is None:
            return b""
        os.close(fd)
        try:
            return self._first_read(proc, name)
        except OSError:
            return b""


def parse(text: bytes) -> Proc | None:
    """Return what /proc/PID/stat says; None of a zombie, which uses nothing any more.

    The name, field 2, may hold blanks and brackets itself.  Source: proc_pid_stat(5).
    """
    f = text[text.rfind(b")") + 2 :].split(b" ", 22)
    if len(f) < 22 or f[0] in b"ZX":
        return None
    ticks = int(f[11]) + int(f[12]) + int(f[13]) + int(f[14])
    return Proc(int(f[1]), int(f[3]), ticks, int(f[17]), int(f[19]), int(f[21]) * PAGE)


def total(procs: Iterable[Proc]) -> Proc:
    """Return the sums of what processes use together; the rest is the first one's."""
    first, *others = procs
    ticks, threads, rss = first.ticks, first.threads, first.rss
    for proc in others:
        ticks += proc.ticks
        threads += proc.threads
        rss += proc.rss
    return first._replace(ticks=ticks, threads=threads, rss=rss)


def marked_run(pid: int, mark_base: int) -> int | None:
    """Return the run whose birth mark a process carries; None: none of ours, or we may not look."""
    try:
        mark = resource.prlimit(pid, _RLIMIT_LOCKS)[0]
    except OSError:
        return None
    return mark & _RUN if mark > 0 and mark & ~_RUN == mark_base else None


def count_fds(pids: Iterable[int]) -> int | None:
    """Return how many descriptors the processes have open; None: of one we may not look."""
    total = 0
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            # Linux 6.2 and newer give the number as the size; before, it was 0.
            total += os.stat(folder).st_size or len(os.listdir(folder))
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return total


def pss(pids: Iterable[int]) -> int | None:
    """Return the bytes of memory that are the processes' own share; None: we may not look.

    Each shared page counts for its share only, which RSS does not do.  It walks all their page
    tables: milliseconds a process.
    """
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError:
            return None
        total += int(text.partition(b"\nPss:")[2].split(None, 1)[0]) * 1024
    return total

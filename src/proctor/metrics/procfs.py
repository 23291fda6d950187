"""What /proc says of a process."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
_RLIMIT_LOCKS = 10  # Where the keeper puts the birth mark; see keeper/tree.py.
_RUN = (1 << 32) - 1


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


def parse(text: bytes) -> Proc | None:
    """Return what /proc/PID/stat says; None of a zombie, which uses nothing any more.

    One of whose threads only the first has ended is shown as a zombie, too, but lives.
    The name, field 2, may hold blanks and brackets itself.  Source: proc_pid_stat(5).
    """
    f = text[text.rfind(b")") + 2 :].split(b" ", 22)
    if len(f) < 22 or f[0] == b"X" or (f[0] == b"Z" and int(f[17]) < 2):
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

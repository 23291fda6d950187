"""Finding processes and sending them signals: marks, parent links, the environment marker.

Rule 1: a pid names a process only while somebody holds it.  Our own children keep theirs until we
reap them; everybody else is signalled through a pidfd that was opened before it was checked.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterable

RLIMIT_LOCKS = 10  # Not in the resource module; Linux has not enforced it since 2.4.


def read(path: str) -> bytes:
    """Return the whole of a /proc file; its reads end at a page each."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def stat(pid: int) -> tuple[str, int, int] | None:
    """Return (state letter, parent, start in clock ticks since boot); None: no such pid.

    One whose first thread has ended before others is called a zombie by the kernel, but lives.
    """
    try:
        # The name, field 2, may hold blanks and brackets itself.
        fields = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20:
        return None
    state = "S" if fields[0] == b"Z" and int(fields[17]) > 1 else fields[0].decode()
    return state, int(fields[1]), int(fields[19])


def mark_of(pid: int) -> int | None:
    """Return the birth mark (soft RLIMIT_LOCKS) of a process; None: it has none, or is gone."""
    try:
        soft = resource.prlimit(pid, RLIMIT_LOCKS)[0]
    except PermissionError:
        return _mark_in_limits(pid)
    except OSError:
        return None
    return soft if soft > 0 else None


def _mark_in_limits(pid: int) -> int | None:
    # Of another user without CAP_SYS_RESOURCE: slower, but readable by everybody.
    try:
        line = read(f"/proc/{pid}/limits").partition(b"Max file locks")[2].split(None, 1)
    except OSError:
        return None
    return int(line[0]) if line and line[0].isdigit() else None


def mark_in_environ(pid: int) -> int | None:
    """Return the PROCTOR_MARK that a process was started with, if we may look."""
    try:
        value = (b"\0" + read(f"/proc/{pid}/environ")).partition(b"\0PROCTOR_MARK=")[2]
    except OSError:
        return None
    number = value.partition(b"\0")[0]
    return int(number) if number.isdigit() else None


def children(pid: int) -> list[int]:
    """Return the pids whose parent is a thread of `pid`.

    For ourselves the list is exact: only we reap, so entries only join, at its end, meanwhile.
    """
    folder = f"/proc/{pid}/task"
    try:
        single = os.stat(folder).st_nlink <= 3
        tids = [str(pid)] if single else os.listdir(folder)
    except OSError:
        return []
    found: list[int] = []
    for tid in tids:
        try:
            found += map(int, read(f"{folder}/{tid}/children").split())
        except FileNotFoundError:
            if pid == os.getpid():  # A kernel without CONFIG_PROC_CHILDREN.
                return [p for p in pids() if (s := stat(p)) and s[1] == pid]
        except OSError:
            pass
    return found


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(roots: Iterable[int]) -> dict[int, int]:
    """Return {pid: parent} of `roots` (parent 0) and everything below them."""
    found = dict.fromkeys(roots, 0)
    queue = list(found)
    for pid in queue:
        for child in children(pid):
            if child not in found:
                found[child] = pid
                queue.append(child)
    return found


def marked(mark: int) -> list[int]:
    """Return every living process of this machine that carries `mark` in one way or the other."""
    me = os.getpid()
    found = [p for p in pids() if p != me and mark in (mark_of(p), mark_in_environ(p))]
    return [p for p in found if (s := stat(p)) and s[0] not in "ZX"]


def census() -> dict[int, list[int]]:
    """Return the processes of this machine by the marks that they carry, zombies too."""
    found: dict[int, list[int]] = {}
    for pid in pids():
        for mark in {mark_of(pid) or 0, mark_in_environ(pid) or 0} - {0, resource.RLIM_INFINITY}:
            found.setdefault(mark, []).append(pid)
    return found


def send(pid: int, number: int, check: Callable[[int], bool]) -> bool:
    """Signal the process `pid` if `check(pid)` still holds once a pidfd pins it down."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not check(pid):
            return False
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True

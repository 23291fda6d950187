"""Taking over a process that outlived another keeper: it is not our child."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from . import tree

# linux/pidfd.h: _IOWR(0xFF, 11, struct pidfd_info) of 64 bytes; the status is known from 6.15 on,
# once the process is reaped.  Source: PIDFD_GET_INFO, include/uapi/linux/pidfd.h.
_GET_INFO = 0xC040FF0B
_INFO_EXIT = 1 << 3


def pin(pid: int, mark: int, start: int | None = None) -> int:
    """Return a pidfd of the process if it lives, bears the mark and began at `start` (None: ever).

    Raises ProcessLookupError, or another OSError if there is no such process at all.

    Opened first and checked then, so that what was checked is what the descriptor names.
    """
    fd = os.pidfd_open(pid)
    now = tree.stat(pid)
    lives = now is not None and now[2] == (start or now[2]) and now[0] not in "ZX"
    if lives and mark in (tree.mark_of(pid), tree.mark_in_environ(pid)):
        return fd
    os.close(fd)
    raise ProcessLookupError(errno.ESRCH, "not the process that was recorded")


def reopen_output(pid: int) -> list[int]:
    """Return new read ends of the output pipes of `pid`: none if its output goes elsewhere.

    Our pipes are recognised by being open for both directions.
    """
    found: dict[str, int] = {}
    for fd in (1, 2):
        path = f"/proc/{pid}/fd/{fd}"
        try:
            flags = tree.read(f"/proc/{pid}/fdinfo/{fd}").partition(b"flags:")[2].split(None, 1)
            pipe = os.readlink(path)
            ours = pipe.startswith("pipe:") and int(flags[0], 8) & 3 == os.O_RDWR
            if ours and pipe not in found:
                found[pipe] = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, IndexError, ValueError):
            continue
    return list(found.values())


def exit_status(pidfd: int) -> int | None:
    """Return the wait status of a process that was reaped by another, if the kernel tells."""
    info = bytearray(64)
    struct.pack_into("Q", info, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return None
    mask, status = struct.unpack_from("Q", info, 0)[0], struct.unpack_from("i", info, 60)[0]
    return status if mask & _INFO_EXIT else None

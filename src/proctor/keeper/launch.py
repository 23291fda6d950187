"""Starting a manager.  Also before there is a keeper, so that the two get ready side by side."""

from __future__ import annotations

import os
import resource
import signal
import socket

SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def have_standard_files() -> None:
    """Make sure that descriptors 0, 1 and 2 exist, so that nothing else gets these numbers."""
    while (fd := os.open("/dev/null", os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def launch(argv: list[str]) -> tuple[int, socket.socket]:
    """Start one in a session of its own, so that a terminal's Ctrl-C reaches only us.

    Return its pid, and our end of the line to it.  Raises OSError.
    """
    ours, theirs = socket.socketpair()
    try:
        theirs.set_inheritable(True)
        env = dict(os.environ, PROCTOR_KEEPER_FD=str(theirs.fileno()))
        pid = os.posix_spawnp(argv[0], argv, env, setsid=True, setsigmask=(), setsigdef=SIGNALS)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    _give_files(pid)
    return pid, ours


def _give_files(pid: int) -> None:
    """Let it have as many descriptors as there may be: it holds logs and connections."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    except OSError:
        pass  # It has ended already.

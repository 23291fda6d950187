"""The listening sockets: bound once, and kept by the keeper from one manager to the next."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

BACKLOG = 2048


class CannotListen(Exception):
    """An address is in use or not ours; the message is one line."""


def tcp(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the first address that `host` stands for.

    Raises CannotListen.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return listener


def unix(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, mode 0600; one left by a dead service is replaced.

    The state directory's lock says that no other service lives there.  Raises CannotListen.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
            raise CannotListen(f"cannot listen on {path}: something else is there")
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {path}: {error.strerror}") from None
    return listener


def url(listener: socket.socket) -> str:
    """Return how to reach it."""
    address = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{address}"
    host = f"[{address[0]}]" if listener.family == socket.AF_INET6 else address[0]
    return f"http://{host}:{address[1]}"

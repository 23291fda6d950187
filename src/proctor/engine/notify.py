"""What runs say of themselves, by sd_notify(3).

Each run that is listened to has a socket of its own, in the abstract namespace so that a task of
another user reaches it; what somebody else's user sends there is passed over.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Mapping

from proctor.core.spec import CheckKind, Spec

_CREDENTIALS = struct.Struct("3i")
MOST = 64 * 1024

KEPT = "notify "
"""Begins the name under which the keeper holds a socket; the run and its user's number follow."""


def address(mark: int) -> str:
    """Return the value of NOTIFY_SOCKET for the run with that birth mark."""
    return f"@proctor/{mark:x}"


def variables(spec: Spec, mark: int) -> dict[str, str]:
    """Return what tells a run where to notify, and how often if a watchdog waits for it."""
    found = {"NOTIFY_SOCKET": address(mark)}
    if spec.liveness is not None and spec.liveness.kind is CheckKind.NOTIFY:
        found["WATCHDOG_USEC"] = str(max(1, int(spec.liveness.period * 1e6)))
    return found


def listen(mark: int) -> socket.socket:
    """Return the socket of that run."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    sock.bind("\0" + address(mark)[1:])
    return sock


def receive(sock: socket.socket, uids: frozenset[int]) -> dict[str, str] | None:
    """Return one message as its fields, None if there is none; of strangers it is empty."""
    try:
        data, ancillary, _, _ = sock.recvmsg(MOST, socket.CMSG_SPACE(_CREDENTIALS.size) + 1024)
    except BlockingIOError:
        return None
    uid = None
    for level, kind, content in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_CREDENTIALS:
            uid = _CREDENTIALS.unpack_from(content)[1]
        elif kind == socket.SCM_RIGHTS:
            # FDSTORE=1 is not offered: whatever is sent along is closed.
            for (fd,) in struct.iter_unpack("i", content[: len(content) // 4 * 4]):
                os.close(fd)
    return parse(data) if uid in uids else {}


def parse(data: bytes) -> dict[str, str]:
    """Return the fields of a message: NAME=value, one a line."""
    fields = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, separator, value = line.partition("=")
        if separator:
            fields[name] = value
    return fields


def verdicts(fields: Mapping[str, str]) -> list[tuple[str, bool | None, str]]:
    """Return which checks the message answers, how (None: not at all), and in what words."""
    found: list[tuple[str, bool | None, str]] = []
    status = fields.get("STATUS", "")
    if fields.get("READY") == "1":
        found += [(name, True, status or "ready") for name in ("startup", "readiness")]
    if fields.get("RELOADING") == "1" or fields.get("STOPPING") == "1":
        doing = "reloading" if "RELOADING" in fields else "stopping"
        found.append(("readiness", False, status or doing))
    if fields.get("WATCHDOG") == "1":
        found.append(("liveness", True, status or "watchdog"))
    if fields.get("WATCHDOG") == "trigger":
        found.append(("liveness", False, status or "watchdog triggered"))
    if status and not found:
        found += [(name, None, status) for name in ("startup", "readiness")]
    return found


class NotifyHub:
    """The sockets of all runs that are listened to, and who waits for which answer.

    `keep` and `drop` leave a socket with the keeper under a name, so that the next manager goes on
    listening; `add_reader` and `remove_reader` are the event loop's.
    """

    def __init__(
        self,
        keep: Callable[[str, int], None],
        drop: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._keep = keep
        self._drop = drop
        self._loop = loop
        self._sockets: dict[int, tuple[socket.socket, int]] = {}
        self._answers: dict[int, dict[str, Callable[[bool | None, str], None]]] = {}

    def open(self, run: int, mark: int, uid: int) -> None:
        """Listen to a run that is about to begin; its user, root and we may speak for it."""
        sock = listen(mark)
        self._keep(f"{KEPT}{run} {uid}", sock.fileno())
        self._listen(run, sock, uid)

    def take_over(self, kept: dict[str, int]) -> None:
        """Go on listening with the sockets of the manager before."""
        for name in [name for name in kept if name.startswith(KEPT)]:
            run, uid = name.removeprefix(KEPT).split()
            self._listen(int(run), socket.socket(fileno=kept.pop(name)), int(uid))

    def expect(self, run: int, name: str, answer: Callable[[bool | None, str], None]) -> None:
        """Call `answer` whenever the run says something about the check of that name."""
        self._answers.setdefault(run, {})[name] = answer

    def forget(self, run: int) -> None:
        """The run is over, or nobody asks any more."""
        self._answers.pop(run, None)

    def close(self, run: int) -> None:
        """The run is over."""
        self.forget(run)
        if found := self._sockets.pop(run, None):
            sock, uid = found
            self._loop.remove_reader(sock.fileno())
            self._drop(f"{KEPT}{run} {uid}")
            sock.close()

    def _listen(self, run: int, sock: socket.socket, uid: int) -> None:
        self._sockets[run] = (sock, uid)
        self._loop.add_reader(sock.fileno(), self._on_message, run)

    def _on_message(self, run: int) -> None:
        sock, uid = self._sockets[run]
        trusted = frozenset({uid, 0, os.geteuid()})
        while (fields := receive(sock, trusted)) is not None:
            for name, ok, text in verdicts(fields):
                if answer := self._answers.get(run, {}).get(name):
                    answer(ok, text)

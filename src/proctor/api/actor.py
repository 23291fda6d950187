"""Who is behind a request, for the record: what is known of the caller, then what it says.

`root via proctor`, `uid 1000 via deploy.py for alice`, `10.0.0.7 via curl`, `::1 via browser`.
The first words are facts: who is at the other end of a Unix socket, as the kernel says, or the
address of the other end.  `via` is the program's name in User-Agent and `for` is X-Proctor-Actor,
and anybody can write anything there.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Sequence

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED, unix(7)
_PROGRAM = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}"
LONGEST_NAME = 80


def peer_of(transport: asyncio.BaseTransport) -> str:
    """Return who is at the other end of a connection."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(packed)
        # No name but this one: looking one up may take as long as a directory server likes.
        return "root" if uid == 0 else f"uid {uid}"
    address = transport.get_extra_info("peername")
    return str(address[0]) if address else "unknown"


def actor_of(peer: str, head: Sequence[tuple[bytes, bytes]]) -> str:
    """Return what is put on record; `head` are the request's headers."""
    given = {name: value for name, value in head if name in (b"user-agent", b"x-proctor-actor")}
    program = _program(given.get(b"user-agent", b"").decode("latin-1"))
    name = _name(given.get(b"x-proctor-actor", b""))
    return peer + (f" via {program}" if program else "") + (f" for {name}" if name else "")


def _program(agent: str) -> str:
    match = re.match(_PROGRAM, agent)
    if match is None:
        return ""
    return "browser" if match[0] == "Mozilla" else match[0]


def _name(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text).strip()[:LONGEST_NAME]

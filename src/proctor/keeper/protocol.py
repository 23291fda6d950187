"""What keeper and manager say to each other, over one Unix stream socket.

A frame is a 4-byte big-endian length and that many bytes of JSON: one object with `op`.
Descriptors travel as SCM_RIGHTS with the frame that says `"fds": N`, in order.
Text that is no UTF-8 (paths, environments) is kept by surrogate escapes.

The manager says:

    hello   version               the first frame; the keeper answers with all it has, then `ready`
    spawn   run mark argv env cwd umask nice oom_score_adj rlimits user
            stdin tty size separate listen cgroup join
                                  answered by `spawned` or `failed`
    adopt   run mark pid start    a process that outlived another keeper: `spawned` or `lost`
    signal  run signal            to everything of the run, then SIGCONT
    kill    run                   SIGKILL everything of the run until nothing is left: `gone`
    shut    run                   let go of what you hold of the run's input
    ack     runs                  their ends (`exited`, `failed`) are on record and their output is
                                  safe: forget them, or do so when they are gone
    keep    name           +1 fd  hold this descriptor for the next manager
    drop    name                  close it
    reload                        when I am gone, exec yourself anew, then start a new manager
    exit    status                nothing is left to keep: end with this exit status

The keeper says:

    run     run mark pid start separate  +fds
                                         at hello: one it has
    kept    name                +1 fd    at hello: one it holds
    ready   version pid generation controllers
                                         at hello: that was all; generation counts managers from 1
    spawned run pid start separate       +fds
    failed  run errno what               no process came to be; `what` names the step and the thing
    exited  run status left cpu rss at oom
                                         `status` as from wait(2), null if it cannot be known;
                                         without `left` the run is gone, and no `gone` follows;
                                         `oom`, if it is there: its memory limit has killed it
    gone    run                          its process ended and nothing it started is left
    lost    run                          answers adopt: no such process
    stuck   run pids                     killed, but they do not die (uninterruptible sleep)
    stop    force                        somebody asked the service to end; force: at once

At hello a run that has ended is told by `run`, `exited` and, where it applies, `gone`; one that
never began by `failed`.

`mark` is the run's birth mark, a number that every process of the run carries as its soft
RLIMIT_LOCKS (Linux has not enforced that limit since 2.4; fork, exec, setsid and setuid keep it).
`start` is the process's start time in clock ticks since boot.  `user` is null or {uid gid groups}.
`rlimits` is a list of [resource number, soft, hard], null meaning unlimited.

The descriptors of a run: none if its output goes elsewhere (an adopted one); else the read end of
its output, with `separate` that of its errors, then with stdin "pipe" that pipe's write end, or
with `tty` the terminal's master and the write end of the output, for the manager to write there
what the terminal says.

`stdin` is null (/dev/null), "pipe" or a path; `size` the terminal's [rows, columns].  `listen` is
a list of [name of what is kept, name in LISTEN_FDNAMES], passed as in sd_listen_fds(3).  `cgroup`
is null or {name mark set}: `set` maps files of the run's own cgroup to what is written there, and
`controllers` are those by which that can be limited, none where there are no cgroups.  `join` is
the run whose cgroup, if it has one, this one is put into.
"""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

VERSION = 2
Frame = dict[str, Any]
_LENGTH = struct.Struct(">I")
MAX_FRAME = 64 << 20
_to_text = json.JSONEncoder(separators=(",", ":")).encode


def to_json(frame: Frame) -> bytes:
    return _to_text(frame).encode("ascii")


def from_json(text: bytearray) -> Any:
    """ValueError: it is no JSON."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("a frame nested too deep") from error


Codec = tuple[Callable[[Frame], bytes], Callable[[bytearray], Any]]
CODEC: Codec = (to_json, from_json)


def encode(frame: Frame, codec: Codec = CODEC) -> bytes:
    body = codec[0](frame)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Turns what arrives into frames: `feed` it bytes and descriptors, get what is whole.

    Raises ValueError for what no peer of ours sends: a frame that is too long or no JSON object, or
    that claims descriptors that did not come.  After that nothing can be trusted: hang up.
    """

    def __init__(self, codec: Codec = CODEC) -> None:
        self._from_json = codec[1]
        self._bytes = bytearray()
        self._fds: deque[int] = deque()

    def feed(self, data: bytes, fds: Iterable[int] = ()) -> list[tuple[Frame, list[int]]]:
        """Return the frames that are whole now, each with the descriptors it brought."""
        self._bytes += data
        self._fds.extend(fds)
        frames = []
        at = 0
        while len(self._bytes) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes, at)
            if length > MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            end = at + _LENGTH.size + length
            if end > len(self._bytes):
                break
            frame = self._from_json(self._bytes[at + _LENGTH.size : end])
            if not isinstance(frame, dict):
                raise ValueError("a frame that is no object")
            frames.append((frame, self._take(frame.get("fds", 0))))
            at = end
        del self._bytes[:at]
        return frames

    def _take(self, count: object) -> list[int]:
        if type(count) is not int or not 0 <= count <= len(self._fds):
            raise ValueError(f"a frame with {count!r} descriptors, {len(self._fds)} came")
        return [self._fds.popleft() for _ in range(count)]

    def leftover(self) -> list[int]:
        """Give up: return the descriptors that no frame claimed, for closing."""
        fds = list(self._fds)
        self._fds.clear()
        return fds

"""What the keeper says of runs, as events of the core."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from msgspec import Struct

from proctor.core.events import Event, Exited, Gone, Lost, Spawned, SpawnFailed
from proctor.core.model import Exit, ReplicaId
from proctor.keeper.protocol import Frame

OUT_OF_MEMORY = "oom: killed, it took more than limits.memory_max"

# What may work a little later: everything else is wrong until somebody mends it.
_TRANSIENT = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.EINTR}
)


class KeptRun(Struct):
    """What we know of a run that the keeper still has; `over`: its last event was reported."""

    id: ReplicaId
    pid: int | None = None
    start: int | None = None
    over: bool = False
    acknowledged: bool = False


def event_of(frame: Frame, run: KeptRun) -> Event:
    number: int = frame["run"]
    match frame["op"]:
        case "run" | "spawned":
            run.pid, run.start = frame["pid"], frame["start"]
            return Spawned(run.id, number, run.pid, run.start)
        case "failed":
            transient = frame["errno"] in _TRANSIENT
            return SpawnFailed(run.id, number, frame["what"], transient)
        case "exited":
            return Exited(run.id, number, exit_of(frame), frame["left"])
        case "gone":
            return Gone(run.id, number)
        case "lost":
            return Lost(run.id, number)
        case other:
            raise ValueError(f"the keeper said {other!r}")


def exit_of(frame: Frame) -> Exit:
    """Turn a status of wait(2) into an Exit; None is one that nobody saw."""
    usage = {"cpu": frame["cpu"], "max_rss": frame["rss"], "at": frame["at"]}
    status = frame["status"]
    if frame.get("oom"):
        usage["error"] = OUT_OF_MEMORY
    if status is None:
        usage.setdefault("error", "its exit status is not known")
        return Exit(**usage)
    code = os.waitstatus_to_exitcode(status)
    return Exit(signal=-code, **usage) if code < 0 else Exit(code=code, **usage)


def is_last(event: Event) -> bool:
    match event:
        case Exited(left=left):
            return not left
        case Gone() | Lost() | SpawnFailed():
            return True
    return False


def without_stale(events: Sequence[Event]) -> list[Event]:
    """Drop the Spawned of runs that have ended since: at hello each run gets one truth."""
    ended = {e.run for e in events if isinstance(e, Exited)}
    return [e for e in events if not (isinstance(e, Spawned) and e.run in ended)]

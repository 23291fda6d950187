"""sys.exec: a command runs while its script waits."""

from __future__ import annotations

from ..array import Array
from ..errors import MelangError
from ..plain import Value
from ..values import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine

RESOURCE = "exec"  # of the scheduler: the running commands, by coroutine


def listed(co: Coroutine) -> Value:
    """Return the running commands of all scripts."""
    running: dict[Coroutine, tuple[bytes, int]] = co.scheduler.resources.get(RESOURCE, {})
    return Array.from_list(
        [
            Array.from_pairs(((b"command", line), (b"pid", pid), (b"alias", other.alias)))
            for other, (line, pid) in running.items()
        ]
    )


def run(
    co: Coroutine,
    command: bytes,
    limit: int | None,
    pid: Cell,
    user: bytes | None,
    group: bytes | None,
    queue: bytes | None,
) -> Value:
    """Run a command; return its output, of which `limit` bytes are kept.

    Every piece also goes to `queue` while the command runs.
    """
    scheduler = co.scheduler
    pieces: list[bytes] = []
    kept = 0

    def output(piece: bytes) -> None:
        nonlocal kept
        if queue is not None:
            from .mq import post

            post(scheduler, queue, piece)
        if limit is not None:
            piece = piece[: limit - kept]
        kept += len(piece)
        pieces.append(piece)

    def done() -> None:
        scheduler.wake(co)

    try:
        child = co.host.start(
            scheduler,
            command,
            None if user is None else user.decode("utf-8", "replace"),
            None if group is None else group.decode("utf-8", "replace"),
            output,
            done,
        )
    except (OSError, LookupError, ValueError) as error:
        raise MelangError(f"Execute command failed. {error}") from None
    pid.set(child.pid)
    running = scheduler.resources.setdefault(RESOURCE, {})
    running[co] = (command, child.pid)
    finished = False
    try:
        scheduler.suspend(co)
        finished = True
    finally:
        del running[co]
        if not finished:
            child.kill()
    return b"".join(pieces)

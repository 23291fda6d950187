"""One life of the manager: for what reason it ends, and how everything is stopped before that."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from .core.model import Exit
from .log import get_logger
from .manager import Manager

log = get_logger("service")


class Reason(StrEnum):
    STOP = "stop"  # somebody has asked for it, or an essential task has failed for good
    RELOAD = "reload"  # the tasks go on under another keeper and manager
    KEEPER_LOST = "keeper_lost"  # the tasks go on without one
    CRASHED = "crashed"  # part of the manager has died


class Lifetime:
    """Ends for the first reason there is; what comes after that changes nothing of it.

    `status` is what the service exits with once all is stopped.  Has to be made, and told
    everything, in the event loop's thread.
    """

    def __init__(self) -> None:
        self.status = 0
        self._end: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        self._keeper_lost = asyncio.Event()
        self._forced = False
        self._halting: Manager | None = None

    @property
    def over(self) -> bool:
        return self._end.done()

    async def wait(self) -> Reason:
        """Return why it is over, once it is."""
        return await self._end

    def end(self, reason: Reason) -> None:
        if not self.over:
            self._end.set_result(reason)

    # What happens to it.

    def stop(self, force: bool) -> None:
        """The keeper was asked to end; `force`: at once."""
        self.end(Reason.STOP)
        if force:
            log.warning("killing")
            self._forced = True  # It may be wanted before it is known what there is to kill.
            if self._halting is not None:
                self._halting.kill_all()

    def keeper_lost(self) -> None:
        self._keeper_lost.set()
        self.end(Reason.KEEPER_LOST)

    def essential_failed(self, exit: Exit) -> None:
        log.error("essential_task_failed", exit=str(exit))
        self.status = exit.code or (128 + exit.signal if exit.signal else 1)
        self.end(Reason.STOP)

    def crashed(self, error: BaseException) -> None:
        """The thread that writes the logs has died."""
        log.error("log_writer_died", error=repr(error))
        self.end(Reason.CRASHED)

    # The end.

    async def halt(self, manager: Manager) -> bool:
        """Stop everything; return False if the keeper is gone, without which nothing ends."""
        self._halting = manager
        halt = asyncio.ensure_future(manager.halt(at_once=self._forced))
        lost = asyncio.ensure_future(self._keeper_lost.wait())
        await asyncio.wait((halt, lost), return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if not halt.done():
            halt.cancel()
            return False
        await halt
        return True

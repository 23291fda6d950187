"""The thread that moves output from pipes into logs."""

from __future__ import annotations

import math
import os
import select
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from .catalogue import Catalogue
from .follow import Followers
from .pipe import HOT_TURN, MOST_HOT, MOST_WARM, TURN, WARM_TURN, Pipe
from .replica import EMPTY, ReplicaLog
from .rotation import DEFAULT_LIMITS, Limits
from .upkeep import CHORES, Upkeep

MOST_OPEN = 128
REPORT_INTERVAL = 10.0
NAP = 50e-6
NAP_BELOW = 256 << 10


class Loss(Struct, frozen=True):
    """Bytes of a replica that could not be written since the writer began, and why."""

    id: ReplicaId
    lost: int
    error: str


class LogWriter:
    """Moves what comes through pipes into the logs below `root`, in a thread of its own.

    Rule: only the thread touches logs and reads pipes; the two maps of pipes are shared, under
    `_lock`.  `most_open` logs have their files open, three each; the others open them again when
    there is something to write.  `limits_of(replica)` is asked in the thread, again and again; its
    `total` does not count.  `chores` are the seconds between two looks at what is old.
    `on_drained(run)`, `on_loss(loss)` and `on_crash(error)` are called in the thread and
    must return soon.  Nothing wakes the thread but bytes, ends of pipes and the methods here.
    """

    def __init__(
        self,
        root: Path,
        limits: Limits = DEFAULT_LIMITS,
        *,
        limits_of: Callable[[ReplicaId], Limits] | None = None,
        most_open: int = MOST_OPEN,
        chores: float = CHORES,
        on_drained: Callable[[int], None] = lambda run: None,
        on_loss: Callable[[Loss], None] = lambda loss: None,
        on_crash: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._root = root
        self._most_open = most_open
        self._on_drained = on_drained
        self._on_loss = on_loss
        self._on_crash = on_crash
        self._limits_of = limits_of or (lambda id: limits)
        self._catalogue = Catalogue(root, limits.total)
        self._upkeep = Upkeep(root, self._catalogue, self._limits_of, self._ordered, chores)
        self._followers = Followers()
        self._lock = threading.Lock()
        self._pipes: dict[int, Pipe] = {}
        self._runs: dict[tuple[int, int], Pipe] = {}
        self._logs: dict[ReplicaId, ReplicaLog] = {}
        self._open: OrderedDict[ReplicaId, ReplicaLog] = OrderedDict()
        self._lost: dict[ReplicaId, int] = {}
        self._reported: dict[ReplicaId, float] = {}
        self._hot = 0
        self._round_moved = 0
        self._round_hot = False
        self._orders: deque[Callable[[], None]] = deque()
        self._closing = False
        self._working = True
        self._wait: float | None = chores
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._thread = threading.Thread(target=self._work, name="logs", daemon=True)
        self._thread.start()

    def attach(self, id: ReplicaId, run: int, fd: int, stream: int = 0) -> None:
        """Take over the read end of the pipe that a run's output comes through.

        `stream` is 0 for output (or both), 1 for errors only.
        """
        os.set_blocking(fd, False)
        pipe = Pipe(id, run, stream, fd)
        with self._lock:
            self._pipes[fd] = pipe
            self._runs[run, stream] = pipe
        self._epoll.register(fd, select.EPOLLIN)

    def drain(self, run: int) -> Future[None]:
        """Say when all that is now in the run's pipes is on file."""
        return self._ordered(lambda: self._drain_run(run))

    def flush(self) -> Future[None]:
        """Say when all that is now in any pipe is on file."""
        return self._ordered(self._drain_all)

    def subscribe(
        self, id: ReplicaId | None, callback: Callable[[ReplicaId, int], None]
    ) -> Callable[[], None]:
        """Have `callback` called in the thread when a replica's log (None: any) has grown.

        It gets the replica and the offset behind the last byte, at most every 20 ms, and after
        the last byte for sure.  Return the function that ends this.
        """
        return self._followers.add(id, callback)

    def lost(self, id: ReplicaId | None = None) -> int:
        """Return how many bytes of a replica, or of all, could not be written since the start."""
        if id is not None:
            return self._lost.get(id, 0)
        return sum(self._lost.copy().values())

    def close(self) -> None:
        """Move what is in the pipes now, close them and end the thread."""
        self._ordered(self._finish)
        self._thread.join()

    def _ordered(self, action: Callable[[], None]) -> Future[None]:
        done: Future[None] = Future()

        def order() -> None:
            wanted = done.set_running_or_notify_cancel()  # Who waits may have given up.
            action()
            if wanted:
                done.set_result(None)

        with self._lock:
            if self._closing:
                done.set_result(None)
                return done
            self._closing = action == self._finish
            self._orders.append(order)
            os.eventfd_write(self._bell, 1)
        return done

    # What follows runs in the thread.

    def _work(self) -> None:
        try:
            while self._working:
                self._round()
        except BaseException as error:
            if self._on_crash is None:
                raise
            self._on_crash(error)
        finally:
            with self._lock:
                self._closing = True
                self._epoll.close()
                os.close(self._bell)

    def _round(self) -> None:
        self._round_moved, self._round_hot = 0, False
        for fd, mask in self._epoll.poll(self._wait):
            if fd == self._bell:
                self._obey()
            elif (pipe := self._pipes.get(fd)) is not None:
                self._serve(pipe, mask)
        now = time.monotonic()
        self._wait = self._followers.tell(now)
        if self._open and not self._catalogue.scanned:
            self._catalogue.scan()
        self._do_chores(now)
        if self._round_hot and self._round_moved < NAP_BELOW:
            # Who writes much in small pieces would wake us for each: let some come together.
            time.sleep(NAP)

    def _do_chores(self, now: float) -> None:
        """Do what is due, and wait no longer than until something is; busy logs are looked at."""
        due = self._upkeep.due
        if due is None and self._open:
            self._upkeep.wake()
            due = self._upkeep.due
        if due is not None and now >= due:
            self._let_go_of_idle(now - self._upkeep.interval)
            self._upkeep.work()
            due = self._upkeep.due
        if due is not None:
            self._wait = min(due - now, math.inf if self._wait is None else self._wait)

    def _let_go_of_idle(self, since: float) -> None:
        for log in [log for log in self._open.values() if log.idle(since)]:
            del self._open[log.id]
            log.release()
        for pipe in self._pipes.copy().values():
            if pipe.hot and pipe.began < since:
                self._resize(pipe)

    def _obey(self) -> None:
        os.eventfd_read(self._bell)
        while self._orders:
            self._orders.popleft()()

    def _serve(self, pipe: Pipe, mask: int) -> None:
        # An end without bytes must not make a file.
        moved = self._turn(pipe) if mask & select.EPOLLIN else 0
        if not moved:
            self._ended(pipe)
        elif pipe.changes(moved, time.monotonic()):
            self._resize(pipe)
        self._round_moved += moved
        self._round_hot |= pipe.hot

    def _turn(self, pipe: Pipe) -> int:
        """Move what fits into one turn; return how much it was, 0 at the end, or EMPTY."""
        log = pipe.log
        if log is None:
            log = pipe.log = self._log_of(pipe.id)
            log.pipes += 1
        most = min(pipe.turn, log.limits.cut_at)
        if self._catalogue.crowded(most):
            self._make_room(most)
        lost = log.lost
        moved = log.take(pipe.fd, (pipe.run, pipe.stream), most)
        if log.lost > lost or log.id in self._reported:
            self._count_loss(log, log.lost - lost)
        if log.open:
            self._keep_open(log)
        if moved > 0:
            self._followers.grew(log.id, log.end)
        return moved

    def _log_of(self, id: ReplicaId) -> ReplicaLog:
        log = self._logs.get(id)
        if log is None:
            log = self._logs[id] = ReplicaLog(self._root, id, self._limits_of, self._catalogue)
        return log

    def _keep_open(self, log: ReplicaLog) -> None:
        self._open[log.id] = log
        self._open.move_to_end(log.id)
        if len(self._open) > self._most_open:
            self._open.popitem(last=False)[1].release()

    def _make_room(self, more: int) -> None:
        """Enforce the quota of all; if closed segments do not make up for it, close big ones."""
        short = self._catalogue.keep_total(more)
        if not short:
            return
        for log in sorted(self._open.values(), key=lambda log: log.open_bytes, reverse=True):
            short -= log.open_bytes
            log.release()
            if short <= 0:
                break
        self._catalogue.keep_total(more)

    def _count_loss(self, log: ReplicaLog, lost: int) -> None:
        """Report a loss when it begins, every REPORT_INTERVAL while it goes on, and at its end."""
        total = self._lost[log.id] = self._lost.get(log.id, 0) + lost
        now = time.monotonic()
        if log.error is None:
            del self._reported[log.id]
            self._on_loss(Loss(log.id, total, ""))
        elif now - self._reported.get(log.id, -REPORT_INTERVAL) >= REPORT_INTERVAL:
            self._reported[log.id] = now
            self._on_loss(Loss(log.id, total, log.error.strerror or str(log.error)))

    def _resize(self, pipe: Pipe) -> None:
        if not pipe.hot and self._hot >= MOST_HOT + MOST_WARM:
            return
        turn = TURN if pipe.hot else HOT_TURN if self._hot < MOST_HOT else WARM_TURN
        self._hot += -1 if pipe.hot else 1
        pipe.resize(turn, time.monotonic())

    def _ended(self, pipe: Pipe) -> None:
        self._detach(pipe)
        with self._lock:
            over = (pipe.run, 1 - pipe.stream) not in self._runs
        if over:
            self._on_drained(pipe.run)

    def _detach(self, pipe: Pipe) -> None:
        with self._lock:
            del self._pipes[pipe.fd]
            if self._runs.get((pipe.run, pipe.stream)) is pipe:
                del self._runs[pipe.run, pipe.stream]
        self._epoll.unregister(pipe.fd)
        os.close(pipe.fd)
        self._hot -= pipe.hot
        log = pipe.log
        if log is None:
            return
        log.pipes -= 1
        if not log.pipes:
            self._finish_log(log)

    def _finish_log(self, log: ReplicaLog) -> None:
        log.finish()
        self._upkeep.wake()
        del self._logs[log.id]
        self._open.pop(log.id, None)
        if self._reported.pop(log.id, None) is not None:
            self._on_loss(Loss(log.id, self._lost[log.id], ""))

    def _drain_run(self, run: int) -> None:
        for stream in (0, 1):
            pipe = self._runs.get((run, stream))
            if pipe is not None:
                self._drain_pipe(pipe)

    def _drain_all(self) -> None:
        for pipe in list(self._pipes.values()):
            self._drain_pipe(pipe)

    def _drain_pipe(self, pipe: Pipe) -> None:
        """Move what is in the pipe now; not what comes meanwhile, which might never end."""
        left = pipe.waiting()
        while left > 0:
            moved = self._turn(pipe)
            if moved in (0, EMPTY):
                return
            left -= moved

    def _finish(self) -> None:
        self._drain_all()
        self._followers.tell(math.inf)
        for pipe in list(self._pipes.values()):
            self._detach(pipe)
        self._upkeep.close()
        self._working = False

"""The keeper: holds the runs and the manager, and obeys the manager, the kernel and the operator.

Rule 1: nothing that comes in ends the keeper but what is meant to; every handler is guarded.
Rule 2: nothing here waits.  What has to happen later is a timer.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from . import handover
from .children import become_subreaper, reap
from .custody import Custody
from .launch import SIGNALS
from .log import log, log_exception
from .loop import Loop, catch_signals, guard
from .manager import REFUSED, Manager, restart_delay
from .protocol import VERSION, Frame

PATIENCE = 5.0  # How long a manager may take to go once it said so; then it is killed.
LAST_RESORT = 10.0  # How long to try to kill what is left before ending all the same.


class Keeper:
    """`run` is its life; `leaving` is the exit status to end with once nothing is left."""

    def __init__(
        self,
        argv: Sequence[str],
        state: handover.State | None = None,
        first: tuple[int, socket.socket] | None = None,
    ) -> None:
        """`argv` starts a manager; `first` is one that was started before us, and its line."""
        self._loop = Loop()
        self._store: dict[str, int] = state["store"] if state else {}
        files = state["files"] if state else None
        self._custody = Custody(self._loop, self._tell, self._store, files)
        self._manager = Manager(argv, first)
        self._stops = 0
        self._leaving: int | None = None
        self._reloading = False
        self._status: int | None = None
        self._tty = os.isatty(2)
        self._alarm = catch_signals()
        self._loop.watch(self._alarm, self._on_alarm)
        self._orders: dict[str, Callable[..., None]] = {
            "hello": self._hello,
            "spawn": self._custody.spawn,
            "adopt": self._custody.adopt,
            "signal": self._custody.signal,
            "kill": self._custody.kill,
            "shut": self._custody.shut,
            "ack": self._custody.acknowledge,
            "keep": self._keep,
            "drop": self._drop,
            "reload": lambda frame: self._reload(None),
            "exit": lambda frame: self._leave(frame["status"]),
        }
        if state:
            self._load(state)

    def run(self) -> int:
        """Live; returns the exit status."""
        # A manager that was started before us may be dead by now: it has to be known first.
        begin = (self._reap, self._start_manager)
        for step in begin[::-1] if self._manager.waits else begin:
            guard(step)
        while self._status is None:
            guard(self._loop.turn, self._custody.deadline)
            due = self._custody.deadline
            if due is not None and due <= time.monotonic():
                guard(self._custody.work, time.monotonic())
            guard(self._flush)
            guard(self._maybe_leave)
        return self._status

    # The manager

    def _tell(self, frame: Frame, fds: tuple[int, ...] = ()) -> None:
        """Queue a frame for a manager that said hello; any other is told everything at hello."""
        if self._manager.link and self._manager.greeted:
            self._manager.link.send(frame, fds)

    def _start_manager(self) -> None:
        if self._leaving is not None:
            return
        manager = self._manager
        try:
            link = manager.start()
        except OSError as error:
            log("error", "manager cannot be started", argv=manager.argv, error=str(error))
            if not self._custody.runs.all and not manager.generation:
                self._status = REFUSED
                return
            manager.quick_deaths += 1
            self._loop.after(restart_delay(manager.quick_deaths + 1), "start", self._start_manager)
            return
        self._custody.runs.others = {manager.pid}
        if manager.generation > 1:  # The first one says so itself, once it listens.
            log("info", "manager started", manager=manager.pid, generation=manager.generation)
        self._loop.watch(link.sock.fileno(), self._on_manager)

    def _on_manager(self, what: int) -> None:
        link = self._manager.link
        if link is None or not what & ~select.EPOLLOUT:
            return
        try:
            frames = link.receive()
        except ValueError as error:
            log("error", "manager talks rubbish", error=str(error))
            self._hang_up(0.0)
            return
        for frame, fds in frames:
            self._obey(frame, fds)
        if link.closed:
            self._hang_up(PATIENCE)

    def _obey(self, frame: Frame, fds: list[int]) -> None:
        try:
            self._orders[frame["op"]](frame, *fds)
        except Exception:
            # A door: whatever a frame holds, the keeper lives.
            log_exception(f"bad frame {str(frame)[:200]}")
            for fd in set(fds).difference(self._store.values()):
                os.close(fd)

    def _flush(self) -> None:
        if link := self._manager.link:
            full = 0 if link.flush() or link.choked else select.EPOLLOUT
            self._loop.watch(link.sock.fileno(), self._on_manager, select.EPOLLIN | full)
            if link.choked:
                self._loop.after(0.05, "flush", lambda: None)  # Every turn ends with a flush.

    def _hang_up(self, patience: float) -> None:
        """Without its socket a manager is none: it has `patience` seconds to go by itself."""
        link, self._manager.link = self._manager.link, None
        if link is None:
            return
        self._loop.unwatch(link.sock.fileno())
        for fd in link.close():
            os.close(fd)
        if self._manager.pid:
            self._loop.after(patience, "manager", self._manager.kill)

    def _manager_ended(self, status: int) -> None:
        while (link := self._manager.link) and link.readable():
            self._on_manager(select.EPOLLIN)  # What it said last still holds.
        greeted = self._manager.greeted
        self._manager.ended(status)
        self._custody.runs.others = set()
        self._hang_up(0.0)
        self._loop.cancel("manager")
        if self._leaving is None:
            self._replace_manager(os.waitstatus_to_exitcode(status), greeted)

    def _replace_manager(self, code: int, greeted: bool) -> None:
        first = self._manager.generation == 1
        refused = code == REFUSED and (first or not greeted)
        unfit = code > 0 and first and not greeted
        if (refused or unfit) and not self._custody.runs.all:
            self._status = code  # It has said why, and another one would do the same.
        elif self._stops and (code == REFUSED or self._manager.quick_deaths > 1):
            self._abandon()  # None will come that could stop things in order.
        elif self._reloading:
            self._exec()
        else:
            wait = restart_delay(self._manager.quick_deaths)
            log("warning", "manager died", status=code, restart_in=wait)
            self._loop.after(wait, "start", self._start_manager)

    # What the manager says of itself

    def _hello(self, frame: Frame) -> None:
        if frame["version"] != VERSION:
            log("warning", "manager of another version", theirs=frame["version"], ours=VERSION)
            self._reload(signal.SIGKILL)
            return
        self._manager.greeted = True
        for run in self._custody.runs.all.values():
            self._custody.describe(run)
        for name, fd in self._store.items():
            self._tell({"op": "kept", "name": name}, (fd,))
        ours = {"version": VERSION, "pid": os.getpid(), "generation": self._manager.generation}
        self._tell({"op": "ready", "controllers": self._custody.controllers} | ours)
        if self._stops:
            self._tell({"op": "stop", "force": self._stops > 1})

    def _keep(self, frame: Frame, fd: int) -> None:
        self._drop(frame)
        self._store[frame["name"]] = fd

    def _drop(self, frame: Frame) -> None:
        if (fd := self._store.pop(frame["name"], None)) is not None:
            os.close(fd)

    # What the kernel and the operator say

    def _on_alarm(self, what: int) -> None:
        numbers = os.read(self._alarm, 4096)
        guard(self._reap)
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                guard(self._asked_to_stop)
            elif number == signal.SIGHUP:
                guard(self._hung_up)

    def _reap(self) -> None:
        """Take in everybody who ended: runs, the manager, and strangers that became ours."""
        dead = reap()
        if not dead:
            return
        self._custody.reaped(dead)
        for pid, status, _ in dead:
            if pid == self._manager.pid:
                self._manager_ended(status)

    def _asked_to_stop(self) -> None:
        self._stops += 1
        log("info", "asked to stop", times=self._stops)
        if self._stops > 2:
            self._abandon()
        elif not self._manager.pid:
            self._loop.after(0.0, "start", self._start_manager)  # It hears of it when it greets.
        else:
            self._tell({"op": "stop", "force": self._stops > 1})

    def _hung_up(self) -> None:
        if self._tty and not os.isatty(2):
            self._asked_to_stop()  # The terminal is gone, and with it who started us.
        else:
            self._reload(signal.SIGHUP)

    # A new keeper

    def _reload(self, number: int | None) -> None:
        """Exec ourselves once the manager is gone, which `number` is to bring about."""
        log("info", "reload")
        self._reloading = True
        if not self._manager.pid:
            self._exec()
        elif number is not None:
            self._manager.kill(number)
        self._loop.after(PATIENCE, "manager", self._manager.kill)

    def _exec(self) -> None:
        """Become what is installed now; our children, and what we hold for them, stay ours."""
        self._reloading = False
        argv = [sys.executable, "-I", "-S", os.path.dirname(os.path.abspath(__file__))]
        if os.spawnv(os.P_WAIT, argv[0], [*argv, "--check"]) != 0:
            log("error", "the new keeper does not start: going on with this one")
            self._start_manager()
            return
        state, fds = self._save()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        memory = handover.write(state, fds)
        try:
            os.execv(argv[0], [*argv, "--state", str(memory), "--", *self._manager.argv])
        except OSError as error:
            log("error", "exec failed", error=str(error))
            os.close(memory)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._start_manager()

    def _save(self) -> tuple[handover.State, list[int]]:
        custody, fds = self._custody.save()
        state = {
            "custody": custody,
            "store": self._store,
            "stops": self._stops,
            "files": self._custody.files,
            "generation": self._manager.generation,
            "quick_deaths": self._manager.quick_deaths,
        }
        return state, [*fds, *self._store.values()]

    def _load(self, state: handover.State) -> None:
        self._stops = state["stops"]
        self._manager.generation = state["generation"]
        self._manager.quick_deaths = state["quick_deaths"]
        self._custody.load(state["custody"])

    # The end

    def _leave(self, status: int) -> None:
        """End with `status` once the manager is gone and nothing is alive any more."""
        if self._leaving is None:
            self._leaving = status
            self._loop.after(PATIENCE, "manager", self._manager.kill)
            self._loop.after(
                PATIENCE + LAST_RESORT, "end", partial(setattr, self, "_status", status)
            )

    def _abandon(self) -> None:
        """Nobody is there to end things in order: kill everything."""
        log("warning", "killing everything")
        self._leave(1)
        self._leaving = 1
        self._manager.kill()

    def _maybe_leave(self) -> None:
        if self._leaving is None or self._manager.pid:
            return
        self._custody.kill_all()
        if not self._custody.alive:
            self._status = self._leaving


def main(argv: list[str]) -> int:
    """Run `[--state FD] [--first PID FD] -- MANAGER...`; returns the exit status."""
    if argv == ["--check"]:
        return 0
    memory = first = None
    if argv[:1] == ["--state"]:
        memory, argv = int(argv[1]), argv[2:]
    if argv[:1] == ["--first"]:
        first, argv = (int(argv[1]), socket.socket(fileno=int(argv[2]))), argv[3:]
    if argv[:1] == ["--"]:
        argv = argv[1:]
    if not argv:
        log("error", "usage: keeper -- MANAGER [ARGUMENT...]")
        return REFUSED
    state = handover.read(memory) if memory is not None else None
    handover.close_on_exec()
    become_subreaper()
    keeper = Keeper(argv, state, first)
    gc.collect()
    gc.freeze()  # Pages that a fork need not copy.
    return keeper.run()

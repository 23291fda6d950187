"""The keeper's loop: what comes in from the manager, the kernel and the operator, and what follows.

Rule 1: nothing that comes in ends the keeper but what is meant to; every handler is guarded.
Rule 2: nothing here waits.  What has to happen later is a timer.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from . import adopt, handover, tree
from .ending import Ending
from .log import log, log_exception
from .manager import REFUSED, Manager, restart_delay
from .protocol import VERSION, Frame
from .runs import Run, Runs
from .spawn import SIGNALS, NotSpawned, Spawner

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 5.0  # How long a manager may take to go once it said so; then it is killed.
LAST_RESORT = 10.0  # How long to try to kill what is left before ending all the same.


class Keeper:
    """Holds the runs, the manager's descriptors and the timers; `run` is its life."""

    def __init__(self, argv: Sequence[str], state: handover.State | None = None) -> None:
        state = state or {}
        self.manager = Manager(argv, state.get("generation", 0))
        self.manager.quick_deaths = state.get("quick_deaths", 0)
        self.runs = Runs()
        self.ending = Ending(self.runs, self.tell)
        self.spawner = Spawner()
        self.store: dict[str, int] = state.get("store", {})
        self.stops = state.get("stops", 0)
        self.leaving: int | None = None
        self.reloading = False
        self.status: int | None = None
        self._timers: dict[str, tuple[float, Callable[[], object]]] = {}
        self._handlers: dict[int, Callable[[int], object]] = {}
        self._epoll = select.epoll()
        self._alarm = _catch_signals()
        self._tty = os.isatty(2)
        self._watch(self._alarm, self._on_alarm, select.EPOLLIN)
        for saved in state.get("runs", ()):
            self._resume(Run.load(saved))

    # The loop

    def run(self) -> int:
        """Live; returns the exit status."""
        guard(self._reap)
        guard(self._start_manager)
        while self.status is None:
            for fd, what in self._poll():
                if handler := self._handlers.get(fd):
                    guard(handler, what)
            guard(self._work)
            guard(self._flush)
            guard(self._maybe_leave)
        return self.status

    def _poll(self) -> list[tuple[int, int]]:
        dues = [due for due, _ in self._timers.values()]
        if self.ending.deadline is not None:
            dues.append(self.ending.deadline)
        return self._epoll.poll(max(0.0, min(dues) - time.monotonic()) if dues else None)

    def _work(self) -> None:
        now = time.monotonic()
        for name, (due, action) in list(self._timers.items()):
            if due <= now and self._timers.get(name) == (due, action):
                del self._timers[name]
                guard(action)
        if (due := self.ending.deadline) is not None and due <= now:
            for run in self.ending.work(now):
                self._gone(run)

    def _after(self, seconds: float, name: str, action: Callable[[], object]) -> None:
        self._timers[name] = (time.monotonic() + seconds, action)

    def _watch(self, fd: int, handler: Callable[[int], object], events: int) -> None:
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def _unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None):
            self._epoll.unregister(fd)

    # The manager

    def tell(self, frame: Frame, fds: tuple[int, ...] = ()) -> None:
        """Queue a frame for a manager that said hello; any other is told everything at hello."""
        if self.manager.link and self.manager.greeted:
            self.manager.link.send(frame, fds)

    def _start_manager(self) -> None:
        if self.leaving is not None:
            return
        try:
            link = self.manager.start()
        except OSError as error:
            log("error", "manager cannot be started", argv=self.manager.argv, error=str(error))
            if not self.runs.all and not self.manager.generation:
                self.status = REFUSED
                return
            self.manager.quick_deaths += 1
            self._after(restart_delay(self.manager.quick_deaths + 1), "start", self._start_manager)
            return
        log("info", "manager started", manager=self.manager.pid, generation=self.manager.generation)
        self._watch(link.sock.fileno(), self._on_manager, select.EPOLLIN)

    def _on_manager(self, what: int) -> None:
        link = self.manager.link
        if link is None:
            return
        if what & select.EPOLLOUT:
            self._flush()
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

    def _hang_up(self, patience: float) -> None:
        """Without its socket a manager is none: it has `patience` seconds to go by itself."""
        link, self.manager.link = self.manager.link, None
        if link is None:
            return
        self._unwatch(link.sock.fileno())
        for fd in link.close():
            os.close(fd)
        if self.manager.pid:
            self._after(patience, "manager", self.manager.kill)

    def _obey(self, frame: Frame, fds: list[int]) -> None:
        handler = getattr(self, f"_do_{frame.get('op')}", None)
        try:
            if handler is None:
                raise ValueError("no such op")
            handler(frame, *fds)
        except Exception as error:
            # The door: whatever a frame does, the keeper lives.
            log_exception(f"bad frame {str(frame)[:200]}")
            for fd in fds:
                _close(fd)
            if frame.get("op") == "spawn" and "run" in frame:
                self.tell(_failed(frame["run"], errno.EINVAL, f"bad order: {error!r}"))

    def _flush(self) -> None:
        link = self.manager.link
        if link is None:
            return
        done = link.flush()
        self._epoll.modify(link.sock.fileno(), select.EPOLLIN | (0 if done else select.EPOLLOUT))

    def _manager_ended(self, status: int) -> None:
        link = self.manager.link
        while link and self.manager.link is link and _readable(link.sock):
            self._on_manager(0)  # What it said last still holds.
        greeted = self.manager.greeted
        self.manager.ended(status)
        self._hang_up(0.0)
        self._timers.pop("manager", None)
        if self.leaving is not None:
            return
        code = os.waitstatus_to_exitcode(status)
        if code == REFUSED and not greeted and not self.runs.all:
            self.status = REFUSED
        elif self.stops and not greeted:
            self._abandon()
        elif self.reloading:
            self._exec()
        else:
            wait = restart_delay(self.manager.quick_deaths)
            log("warning", "manager died", status=code, restart_in=wait)
            self._after(wait, "start", self._start_manager)

    # What the manager says

    def _do_hello(self, frame: Frame) -> None:
        if frame["version"] != VERSION:
            log("warning", "manager of another version", theirs=frame["version"], ours=VERSION)
            self._reload(signal.SIGKILL)
            return
        self.manager.greeted = True
        for run in self.runs.all.values():
            self._tell_all(run)
        for name, fd in self.store.items():
            self.tell({"op": "kept", "name": name}, (fd,))
        ours = {"version": VERSION, "pid": os.getpid(), "generation": self.manager.generation}
        self.tell({"op": "ready"} | ours)
        if self.stops:
            self.tell({"op": "stop", "force": self.stops > 1})

    def _tell_all(self, run: Run) -> None:
        if run.pid:
            fds = (run.fd,) if run.fd >= 0 else ()
            self.tell({"op": "run", "mark": run.mark, **_named(run)}, fds)
        if run.end:
            self.tell(run.end)
            if run.end.get("left") and not run.left:
                self.tell({"op": "gone", "run": run.run})

    def _do_spawn(self, frame: Frame) -> None:
        if known := self.runs.all.get(frame["run"]):
            self._tell_all(known)  # Asked twice: it is started exactly once.
            return
        run = Run(frame["run"], frame["mark"], 0, 0)
        try:
            run.pid, run.fd = self.spawner.spawn(frame)
        except NotSpawned as error:
            run.end = _failed(run.run, error.errno, error.what)
            self.runs.add(run)
            self.tell(run.end)
            return
        known_by = tree.stat(run.pid)
        run.start = known_by[2] if known_by else 0
        self.runs.add(run)
        self.tell({"op": "spawned", **_named(run)}, (run.fd,))

    def _do_adopt(self, frame: Frame) -> None:
        if known := self.runs.all.get(frame["run"]):
            self._tell_all(known)
            return
        run = Run(frame["run"], frame["mark"], frame["pid"], frame["start"])
        try:
            run.pidfd = adopt.pin(run.pid, run.mark, run.start)
        except OSError:
            self.tell({"op": "lost", "run": run.run})
            return
        run.fd = adopt.reopen_output(run.pid)
        self._resume(run)
        self.tell({"op": "spawned", **_named(run)}, (run.fd,) if run.fd >= 0 else ())

    def _do_signal(self, frame: Frame) -> None:
        run = self.runs.all.get(frame["run"])
        if run and run.alive:
            self.ending.signal(run, frame["signal"])

    def _do_kill(self, frame: Frame) -> None:
        run = self.runs.all.get(frame["run"])
        if run and run.alive:
            self.ending.kill(run)
        else:
            self.tell({"op": "gone", "run": frame["run"]})

    def _do_ack(self, frame: Frame) -> None:
        for number in frame["runs"]:
            run = self.runs.all.get(number)
            if run is None or run.end is None:
                continue
            run.acked = True
            if not run.left:
                self.runs.forget(run)

    def _do_keep(self, frame: Frame, fd: int) -> None:
        self._do_drop(frame)
        self.store[frame["name"]] = fd

    def _do_drop(self, frame: Frame) -> None:
        if (fd := self.store.pop(frame["name"], None)) is not None:
            os.close(fd)

    def _do_reload(self, frame: Frame) -> None:
        self._reload(None)

    def _do_exit(self, frame: Frame) -> None:
        self._leave(frame["status"])

    # What the kernel says

    def _on_alarm(self, what: int) -> None:
        numbers = os.read(self._alarm, 4096)
        guard(self._reap)
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                guard(self._asked_to_stop)
            elif number == signal.SIGHUP:
                guard(self._hung_up)

    def _reap(self) -> None:
        """Take in everybody who ended, then see what that leaves of each run."""
        ended: list[Run] = []
        manager: int | None = None
        some = False
        while (dead := _next_dead()) is not None:
            pid, status, usage = dead
            some = True
            if pid == self.manager.pid:
                manager = status
            elif run := self.runs.leaders.pop(pid, None):
                run.end = _exited(run.run, status, usage)
                ended.append(run)
        if not some:
            return
        self.runs.find_orphans([self.manager.pid])
        self._settle(ended)
        if manager is not None:
            self._manager_ended(manager)

    def _settle(self, ended: list[Run]) -> None:
        holding = set(self.runs.orphans.values())
        for run in ended:
            assert run.end is not None
            run.left = run.end["left"] = run.run in holding
            if run.left:
                self.ending.leader_ended(run)
            self.tell(run.end)
        for run in [r for r in self.runs.all.values() if r.left and r.pidfd < 0]:
            if run.run not in holding:
                self._gone(run)
        self.ending.look_again()

    def _gone(self, run: Run) -> None:
        run.left = False
        self.tell({"op": "gone", "run": run.run})
        if run.acked:
            self.runs.forget(run)

    # Processes that are not our children

    def _resume(self, run: Run) -> None:
        self.runs.add(run)
        if run.pidfd >= 0 and run.end is None:
            self._watch(run.pidfd, partial(self._on_adopted, run), select.EPOLLIN)
        elif run.pidfd >= 0 and run.left:
            self._watch_rest(run)

    def _on_adopted(self, run: Run, what: int) -> None:
        """A zombie now, and its status can be read once its parent has reaped it (EPOLLHUP)."""
        if what & select.EPOLLHUP:
            self._adopted_ended(run)
            return
        self._epoll.modify(run.pidfd, 0)
        self._after(1.0, f"adopted {run.run}", partial(self._adopted_ended, run))

    def _adopted_ended(self, run: Run) -> None:
        self._timers.pop(f"adopted {run.run}", None)
        self._unwatch(run.pidfd)
        run.end = _exited(run.run, adopt.exit_status(run.pidfd), None)
        os.close(run.pidfd)
        run.left = run.end["left"] = bool(tree.marked(run.mark))
        self.ending.leader_ended(run)
        self.tell(run.end)
        if run.left:
            self._watch_rest(run)

    def _watch_rest(self, run: Run) -> None:
        """Hold on to one process of what is left; when that ends, see what is left then."""
        for pid in tree.marked(run.mark):
            try:
                run.pidfd = os.pidfd_open(pid)
            except OSError:
                continue
            self._watch(run.pidfd, partial(self._on_rest, run), select.EPOLLIN)
            return
        self._gone(run)

    def _on_rest(self, run: Run, what: int) -> None:
        self._unwatch(run.pidfd)
        os.close(run.pidfd)
        if run.left:
            self._watch_rest(run)

    # What the operator says

    def _asked_to_stop(self) -> None:
        self.stops += 1
        log("info", "asked to stop", times=self.stops)
        if self.stops > 2 or not self.manager.pid:
            self._abandon()
        elif self.manager.greeted:
            self.tell({"op": "stop", "force": self.stops > 1})

    def _hung_up(self) -> None:
        if self._tty and not os.isatty(2):
            self._asked_to_stop()  # The terminal is gone, and with it who started us.
        else:
            self._reload(signal.SIGHUP)

    def _reload(self, number: int | None) -> None:
        log("info", "reload")
        self.reloading = True
        if number is not None:
            self.manager.kill(number)
        self._after(PATIENCE, "manager", self.manager.kill)

    def _exec(self) -> None:
        """Become what is installed now; our children, and what we hold for them, stay ours."""
        self.reloading = False
        argv = [sys.executable, "-I", "-S", os.path.dirname(os.path.abspath(__file__))]
        if os.spawnv(os.P_WAIT, argv[0], [*argv, "--check"]) != 0:
            log("error", "the new keeper does not start: going on with this one")
            self._start_manager()
            return
        runs = [run.save() for run in self.runs.all.values()]
        held = [
            *self.store.values(),
            *(fd for r in runs for fd in (r["fd"], r["pidfd"]) if fd >= 0),
        ]
        kept = {"store": self.store, "stops": self.stops, "quick_deaths": self.manager.quick_deaths}
        memory = handover.write(kept | {"runs": runs, "generation": self.manager.generation}, held)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            os.execv(argv[0], [*argv, "--state", str(memory), "--", *self.manager.argv])
        except OSError as error:
            log("error", "exec failed", error=str(error))
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.close(memory)
            self._start_manager()

    # The end

    def _leave(self, status: int) -> None:
        """End with `status` once the manager is gone and nothing is alive any more."""
        if self.leaving is None:
            self.leaving = status
            self._after(PATIENCE, "manager", self.manager.kill)
            self._after(PATIENCE + LAST_RESORT, "end", partial(setattr, self, "status", status))

    def _abandon(self) -> None:
        """Nobody is there to end things in order: kill everything."""
        log("warning", "killing everything")
        self._leave(1)
        self.manager.kill()

    def _maybe_leave(self) -> None:
        if self.leaving is None or self.manager.pid:
            return
        left = [run for run in self.runs.all.values() if run.alive]
        for run in left:
            self.ending.kill(run)
        if not left:
            self.status = self.leaving


def guard(call: Callable[..., object], *args: Any) -> None:
    """Call it; whatever goes wrong is logged and goes no further: the keeper must live."""
    try:
        call(*args)
    except Exception:
        log_exception("keeper fault")


def _next_dead() -> tuple[int, int, Any] | None:
    try:
        dead = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return dead if dead[0] else None


def _readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _named(run: Run) -> Frame:
    return {"run": run.run, "pid": run.pid, "start": run.start}


def _failed(run: int, number: int, what: str) -> Frame:
    return {"op": "failed", "run": run, "errno": number, "what": what}


def _exited(run: int, status: int | None, usage: Any) -> Frame:
    cpu, rss = (usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024) if usage else (0.0, 0)
    end = {"run": run, "status": status, "left": False, "cpu": cpu, "rss": rss, "at": time.time()}
    return {"op": "exited"} | end


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        pass


def _catch_signals() -> int:
    """Return a descriptor that yields the number of each signal that arrives, a byte each."""
    out, end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Started by nohup, a hang-up is to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return out


def _become_subreaper() -> None:
    """Have every descendant whose parent ends become our child, as if we were PID 1."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def main(argv: list[str]) -> int:
    """Run `[--state FD] -- MANAGER...`; returns the exit status."""
    if argv == ["--check"]:
        return 0
    memory = None
    if argv[:1] == ["--state"]:
        memory, argv = int(argv[1]), argv[2:]
    if argv[:1] == ["--"]:
        argv = argv[1:]
    if not argv:
        log("error", "usage: keeper -- MANAGER [ARGUMENT...]")
        return REFUSED
    state = handover.read(memory) if memory is not None else None
    handover.close_on_exec()
    _become_subreaper()
    keeper = Keeper(argv, state)
    gc.collect()
    gc.freeze()  # Pages that a fork need not copy.
    return keeper.run()

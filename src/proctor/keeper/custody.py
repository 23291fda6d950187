"""Custody of the runs: what the manager orders about them, and how they end."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from . import adopt, limits, tree
from .ending import Ending
from .log import log
from .loop import Loop
from .program import NotSpawned
from .protocol import Frame
from .runs import Run, Runs
from .spawn import Spawner

Tell = Callable[..., None]


class Custody:
    """The runs and everything done to them; `tell(frame, fds)` is how the manager hears of it.

    `files` is the soft RLIMIT_NOFILE that runs get, None for our own; `store` is what is kept for
    the manager.
    """

    def __init__(
        self, loop: Loop, tell: Tell, store: Mapping[str, int], files: int | None = None
    ) -> None:
        self.runs = Runs()
        self._ending = Ending(self.runs, tell)
        self._spawner = Spawner(files, store)
        self._left: dict[int, Run] = {}  # Those with `left`.
        self._changed: list[Run] = []  # Adopted ones of which the process that we hold has ended.
        self._loop = loop
        self._tell = tell

    @property
    def files(self) -> int:
        return self._spawner.files

    @property
    def controllers(self) -> list[str]:
        """The cgroup controllers by which runs can be limited."""
        return self._spawner.cgroups.controllers

    @property
    def deadline(self) -> float | None:
        return self._ending.deadline

    @property
    def alive(self) -> list[Run]:
        return [run for run in self.runs.all.values() if run.alive]

    def work(self, now: float) -> None:
        """Go on with what is being signalled and killed."""
        for run in self._ending.work(now):
            self._gone(run)

    # Orders

    def spawn(self, frame: Frame) -> None:
        if known := self.runs.all.get(frame["run"]):
            self.describe(known)  # Asked twice: it is started exactly once.
            return
        run = Run(frame["run"], frame["mark"], 0, 0)
        if joined := self.runs.all.get(frame.get("join", 0)):
            frame["cgroup"] = {"path": joined.cgroup} if joined.cgroup else None
        try:
            run.pid, ends = self._spawner.spawn(frame)
            run.outs, run.held = ends.outs, ends.held
        except NotSpawned as error:
            run.end = _failed(run.run, error.errno, error.what)
            self.runs.add(run)
            self._tell(run.end)
            return
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            self._tell(_failed(run.run, errno.EINVAL, f"bad order: {error!r}"))
            return
        stat = tree.stat(run.pid)
        run.start = stat[2] if stat else 0
        if frame.get("cgroup"):
            run.cgroup = limits.of_run(run.pid, run.mark)
        self.runs.add(run)
        self._tell({"op": "spawned", **_named(run)}, run.fds)

    def adopt(self, frame: Frame) -> None:
        if known := self.runs.all.get(frame["run"]):
            self.describe(known)
            return
        if not self._spawner.has_room():
            # To look without a descriptor would be to see nothing, and call it gone.
            log("warning", "adoption waits: too many open files", run=frame["run"])
            self._loop.after(1.0, f"adopt {frame['run']}", partial(self.adopt, frame))
            return
        run = Run(frame["run"], frame["mark"], frame["pid"], frame["start"])
        try:
            run.pidfd = adopt.pin(run.pid, run.mark, run.start)
        except OSError:
            self._adopt_rest(run)
            return
        run.outs = adopt.reopen_output(run.pid)
        run.cgroup = limits.of_run(run.pid, run.mark)
        self._hold(run)
        self._tell({"op": "spawned", **_named(run)}, run.fds)

    def _adopt_rest(self, run: Run) -> None:
        """Its process is gone, or nobody recorded it; what bears its mark may live all the same."""
        for pid in self.runs.bearers(run.mark, 0.1):  # Hundreds may be asked for in a row.
            try:
                run.pidfd = adopt.pin(pid, run.mark)
            except OSError:
                continue
            run.outs = adopt.reopen_output(pid)
            run.end = _exited(run.run, None, None)
            run.left = run.end["left"] = True
            self._hold(run)
            self.describe(run)
            return
        self._tell({"op": "lost", "run": run.run})

    def signal(self, frame: Frame) -> None:
        run = self.runs.all.get(frame["run"])
        if run and run.alive:
            self._ending.signal(run, frame["signal"])

    def kill(self, frame: Frame) -> None:
        run = self.runs.all.get(frame["run"])
        if run and run.alive:
            self._ending.kill(run)
        else:
            self._tell({"op": "gone", "run": frame["run"]})

    def shut(self, frame: Frame) -> None:
        """The manager has closed its input; what we hold of it is all that keeps it open."""
        if run := self.runs.all.get(frame["run"]):
            run.let_go()

    def kill_all(self) -> None:
        for run in self.alive:
            self._ending.kill(run)

    def acknowledge(self, frame: Frame) -> None:
        for number in frame["runs"]:
            run = self.runs.all.get(number)
            if run and run.end:
                run.acked = True
                if not run.left:
                    self.runs.forget(run)

    def describe(self, run: Run) -> None:
        """Tell all there is to tell of a run to a manager that may know nothing of it."""
        if run.pid:
            self._tell({"op": "run", "mark": run.mark, **_named(run)}, run.fds)
        if run.end:
            self._tell(run.end)
            if run.end.get("left") and not run.left:
                self._tell({"op": "gone", "run": run.run})

    # Ends

    def reaped(self, dead: list[tuple[int, int, Any]]) -> None:
        """Take in children of ours that ended, (pid, status, rusage) each, after a whole reaping.

        Anything may have become an orphan by it, so what is left of each ended run is looked at.
        """
        ended: list[Run] = []
        for pid, status, usage in dead:
            if run := self.runs.leaders.pop(pid, None):
                run.end = _exited(run.run, status, usage)
                run.left = True  # Until the orphans have been asked whose they are.
                ended.append(run)
        self.runs.find_orphans()
        holding = set(self.runs.orphans.values())
        for run in ended:
            self._ended(run, run.run in holding)
        for run in [r for r in self._left.values() if r.pidfd < 0 and r.run not in holding]:
            self._gone(run)
        self._ending.look_again()

    def _ended(self, run: Run, left: bool) -> None:
        assert run.end is not None
        run.left = run.end["left"] = left
        if run.cgroup and run.end["status"] != 0 and limits.out_of_memory(run.cgroup):
            run.end["oom"] = True
        if left:
            self._left[run.run] = run
            self._ending.leader_ended(run)
        self._tell(run.end)

    def _gone(self, run: Run) -> None:
        run.left = False
        self._left.pop(run.run, None)
        self._tell({"op": "gone", "run": run.run})
        if run.acked:
            self.runs.forget(run)

    # Processes that are not our children

    def _hold(self, run: Run) -> None:
        self.runs.add(run)
        if run.left:
            self._left[run.run] = run
        if run.pidfd >= 0:
            handler = self._on_adopted if run.end is None else self._on_rest
            self._loop.watch(run.pidfd, partial(handler, run))

    def _on_adopted(self, run: Run, what: int) -> None:
        """Ended; its status can be read once its parent has reaped it (EPOLLHUP), if it does."""
        if what & select.EPOLLHUP:
            self._adopted_ended(run)
            return
        self._loop.watch(run.pidfd, partial(self._on_adopted, run), 0)
        self._loop.after(1.0, f"adopted {run.run}", partial(self._adopted_ended, run))

    def _adopted_ended(self, run: Run) -> None:
        self._loop.cancel(f"adopted {run.run}")
        self._on_rest(run, 0)

    def _on_rest(self, run: Run, what: int) -> None:
        """Look what is left, of all that ended in this turn together: it takes all of /proc."""
        self._loop.unwatch(run.pidfd)
        self._changed.append(run)
        self._loop.after(0.0, "changed", self._look_at_changed)

    def _look_at_changed(self) -> None:
        changed, self._changed = self._changed, []
        self.runs.recount()
        for run in changed:
            held, run.pidfd = run.pidfd, -1
            rest = self._hold_on_to_rest(run)
            if run.end is None:
                run.end = _exited(run.run, adopt.exit_status(held), None)
                self._ended(run, rest)
            elif run.left and not rest:
                self._gone(run)
            os.close(held)

    def _hold_on_to_rest(self, run: Run) -> bool:
        """Watch one process of what is left; return whether there is one."""
        for pid in self.runs.bearers(run.mark):
            try:
                run.pidfd = adopt.pin(pid, run.mark)
            except OSError:
                continue
            self._loop.watch(run.pidfd, partial(self._on_rest, run))
            return True
        return False

    # Handing over to another keeper

    def save(self) -> tuple[dict[str, Any], list[int]]:
        """Return what `load` takes, and the descriptors in it."""
        self._ending.work(time.monotonic() + 1.0)  # What is due within the next milliseconds.
        runs = [run.save() for run in self.runs.all.values()]
        fds = [fd for run in runs for fd in (run["pidfd"], *run["outs"], *run["held"]) if fd >= 0]
        return {"runs": runs, "killing": self._ending.killing}, fds

    def load(self, saved: dict[str, Any]) -> None:
        for run in saved["runs"]:
            self._hold(Run.load(run))
        for number in saved["killing"]:
            self._ending.kill(self.runs.all[number])
        self.reaped([])


def _named(run: Run) -> Frame:
    named = {"run": run.run, "pid": run.pid, "start": run.start}
    return named | {"separate": True} if len(run.outs) > 1 else named


def _failed(run: int, number: int, what: str) -> Frame:
    return {"op": "failed", "run": run, "errno": number, "what": what}


def _exited(run: int, status: int | None, usage: Any) -> Frame:
    cpu, rss = (usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024) if usage else (0.0, 0)
    end = {"run": run, "status": status, "left": False, "cpu": cpu, "rss": rss, "at": time.time()}
    return {"op": "exited"} | end

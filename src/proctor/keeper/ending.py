"""Signals to whole runs, and killing them until nothing is left.

All runs that are due are looked at together, and again whenever a child of ours ended: nothing
here waits.  `Runs` decides what is left of a run; this only sends.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from . import limits, tree
from .cgroup import Corral
from .protocol import Frame
from .runs import Run, Runs

_FOLLOW = 0.005  # A run that ended from the first signal needs no look at its tree.
_STUCK = 5.0
_NO_CONT = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT}


class _Hunt:
    """A run being killed: what was found, when to look again."""

    __slots__ = ("began", "corral", "due", "empty", "found", "pause", "rounds", "stuck")

    def __init__(self, now: float) -> None:
        self.began = now
        self.due = now
        self.found: set[int] = set()
        self.rounds = 0
        self.empty = 0
        self.pause = 0.001
        self.stuck: list[int] = []
        self.corral: Corral | None = None


class Ending:
    """Runs that were signalled and not yet searched for what escaped, and runs being killed."""

    def __init__(self, runs: Runs, tell: Callable[[Frame], None]) -> None:
        self._runs = runs
        self._tell = tell
        self._signalled: dict[int, tuple[float, int]] = {}
        self._hunts: dict[int, _Hunt] = {}

    def signal(self, run: Run, number: int) -> None:
        """Signal the leader's group at once; what escaped from it follows, see `follow`."""
        if run.end is None and run.pidfd < 0:
            _to_group(run.pid, number)  # It is not reaped, so its number is still its own.
            self._signalled[run.run] = (time.monotonic() + _FOLLOW, number)
        else:
            self._signalled[run.run] = (0.0, number)

    def kill(self, run: Run) -> None:
        self._hunts.setdefault(run.run, _Hunt(time.monotonic()))

    def leader_ended(self, run: Run) -> None:
        """Whatever it left behind gets the signal that it may have ended from, before all else."""
        if run.run in self._signalled:
            self._follow(run, self._signalled.pop(run.run)[1])

    def look_again(self) -> None:
        """A child of ours has ended: hunted runs may be gone, or show new orphans."""
        now = time.monotonic()
        for hunt in self._hunts.values():
            hunt.due = now

    @property
    def killing(self) -> list[int]:
        return list(self._hunts)

    @property
    def deadline(self) -> float | None:
        """When `work` is due; monotonic seconds."""
        dues = [due for due, _ in self._signalled.values()]
        dues += [hunt.due for hunt in self._hunts.values()]
        return min(dues, default=None)

    def work(self, now: float) -> list[Run]:
        """Do what is due; returns adopted runs that are gone now.

        Of our children's runs `Custody` knows by itself when nothing is left.
        """
        self._runs.find_orphans()
        for number, (due, sig) in list(self._signalled.items()):
            if due <= now:
                del self._signalled[number]
                if run := self._runs.all.get(number):
                    self._follow(run, sig)
        return [
            run
            for number, hunt in list(self._hunts.items())
            if hunt.due <= now and (run := self._hunted(number)) and self._round(run, hunt, now)
        ]

    def _hunted(self, number: int) -> Run | None:
        run = self._runs.all.get(number)
        if run is None or not run.alive:
            corral = self._hunts.pop(number).corral
            if corral:
                corral.remove()
            return None
        return run

    def _follow(self, run: Run, number: int) -> None:
        """Signal what the group's signal missed, and wake up what is stopped.

        A stopped process keeps SIGTERM pending until SIGCONT.  Of 500 runs that just end nobody
        needs that, so it comes now and not with the first signal.
        """
        group = 0
        if run.end is None and run.pidfd < 0:
            group = run.pid
            if number not in _NO_CONT:
                _to_group(group, signal.SIGCONT)
        for pid, parent in self._runs.members(run).items():
            if group == 0 or _group_of(pid) != group:
                _to_process(run, pid, parent, number)

    def _round(self, run: Run, hunt: _Hunt, now: float) -> bool:
        """Stop, then kill what there is; returns whether an adopted run is gone.

        Several processes are stopped until a look finds no new one, so that none can fork away
        while others are being killed; one alone is killed at once.
        """
        members = self._runs.members(run)
        fresh = members.keys() - hunt.found
        hunt.found |= fresh
        hunt.rounds += 1
        closed = not fresh or len(members) == 1 or hunt.rounds % 8 == 0
        if hunt.rounds > 8 and fresh:
            hunt.corral = hunt.corral or Corral.create(run.run)
        if hunt.corral:
            hunt.corral.kill(members)
        if run.cgroup:
            limits.kill(run.cgroup)
        for pid, parent in members.items():
            _to_process(run, pid, parent, signal.SIGKILL if closed else signal.SIGSTOP)
        hunt.empty = 0 if members else hunt.empty + 1
        hunt.pause = min(0.1, hunt.pause * 2) if closed else 0.001
        hunt.due = now + hunt.pause
        self._report_stuck(run, hunt, sorted(members), now)
        return run.pidfd >= 0 and run.left and hunt.empty >= 2

    def _report_stuck(self, run: Run, hunt: _Hunt, pids: list[int], now: float) -> None:
        if now - hunt.began >= _STUCK and pids and pids != hunt.stuck:
            hunt.stuck = pids
            self._tell({"op": "stuck", "run": run.run, "pids": pids})


def _to_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except OSError:
        pass  # Zombies only, or another user's: the search that follows finds what there is.


def _to_process(run: Run, pid: int, parent: int, number: int) -> None:
    def still_its(pid: int) -> bool:
        if parent == 0 and run.pidfd < 0:
            return True  # A child of ours: its number is its own until we reap it.
        now = tree.stat(pid)
        return run.mark == tree.mark_of(pid) or (now is not None and now[1] == parent)

    if pid in (os.getpid(), 1):
        return
    if tree.send(pid, number, still_its) and number not in _NO_CONT | {signal.SIGKILL}:
        tree.send(pid, signal.SIGCONT, still_its)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0

"""What the keeper knows of each run, and whose the orphans are.

Rule 1: the list of our direct children decides what is left of a run.  We are a subreaper: what
outlives its parent becomes our child before we hear of that parent's end.  So after a complete
reaping everything of an ended run hangs below a child of ours that is nobody's leader: an orphan.
"""

from __future__ import annotations

import os
import time
from typing import Any

from . import limits, slack, tree
from .protocol import Frame

_SAVED = ("run", "mark", "pid", "start", "outs", "end", "left", "acked", "pidfd", "held", "cgroup")


class Run:
    """One run: `end` is the frame that told, or will tell, how it ended, None while it lives.

    `outs` are the read ends of its output (of output and errors, if they are told apart); `pidfd`
    is open for a process that is not our child, -1: none.
    `held` are descriptors of its input, see Stdio; `cgroup` is the folder of its own, "": none.
    `left`: its leader has ended, but something it started lives.
    """

    __slots__ = _SAVED

    def __init__(self, run: int, mark: int, pid: int, start: int) -> None:
        self.run = run
        self.mark = mark
        self.pid = pid
        self.start = start
        self.outs: list[int] = []
        self.end: Frame | None = None
        self.left = False
        self.acked = False
        self.pidfd = -1
        self.held: list[int] = []
        self.cgroup = ""

    @property
    def fds(self) -> tuple[int, ...]:
        """What the manager gets of it."""
        return (*self.outs, *self.held) if self.outs else ()

    def let_go(self) -> None:
        """Close what is held of its input."""
        for fd in self.held:
            os.close(fd)
        self.held = []

    @property
    def alive(self) -> bool:
        return self.end is None or self.left

    def save(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _SAVED}

    @classmethod
    def load(cls, saved: dict[str, Any]) -> Run:
        self = cls(saved["run"], saved["mark"], saved["pid"], saved["start"])
        for name in _SAVED:
            if name in saved:  # A keeper of another version may not know of it.
                setattr(self, name, saved[name])
        return self


class Runs:
    """All runs that are not forgotten yet, by run id; leaders by pid; orphans with their run id."""

    def __init__(self) -> None:
        self.all: dict[int, Run] = {}
        self.leaders: dict[int, Run] = {}
        self.orphans: dict[int, int] = {}  # pid of a child of ours -> run id, 0 for nobody's
        self.others: set[int] = set()  # Children of ours that are neither: the manager.
        self._marks: dict[int, Run] = {}
        self._census: dict[int, list[int]] = {}
        self._counted = float("-inf")

    def add(self, run: Run) -> None:
        self.all[run.run] = run
        self._marks[run.mark] = run
        if run.end is None and run.pidfd < 0:
            self.leaders[run.pid] = run

    def forget(self, run: Run) -> None:
        del self.all[run.run]
        if self._marks.get(run.mark) is run:
            del self._marks[run.mark]
        run.let_go()
        for fd in run.outs:
            os.close(fd)
        if run.cgroup:
            limits.remove(run.cgroup)

    def find_orphans(self) -> None:
        """Bring `orphans` up to date: our children that are no leaders, nor `others`."""
        self.recount()
        now = set(tree.children(os.getpid())).difference(self.leaders, self.others)
        for pid in self.orphans.keys() - now:
            del self.orphans[pid]
        for pid in now - self.orphans.keys():
            self.orphans[pid] = self._owner(pid)

    def _owner(self, pid: int) -> int:
        for mark in (tree.mark_of(pid), tree.mark_in_environ(pid)):
            if mark is not None and (run := self._marks.get(mark)):
                return run.run
        try:
            session = os.getsid(pid)
        except OSError:
            return 0
        alive = [run for run in self.all.values() if run.alive]
        # A session's number is not given to a new process while the session has a member.
        if of_session := next((run.run for run in alive if run.pid == session), 0):
            return of_session
        code = slack.code_of(pid)
        return max((run.run for run in alive if slack.code(run.mark) == code), default=0)

    def recount(self) -> None:
        """Have the next `bearers` look again."""
        self._counted = float("-inf")

    def bearers(self, mark: int, age: float = 60.0) -> list[int]:
        """Return the living processes that bear `mark`, as of the last `recount` if it is recent.

        One look at all of /proc serves all runs: with a look for each, a thousand took minutes.
        """
        now = time.monotonic()
        if now - self._counted > age:
            self._census, self._counted = tree.census(), now
        found = self._census.get(mark, ())
        return [p for p in found if (s := tree.stat(p)) and s[0] not in "ZX"]

    def members(self, run: Run) -> dict[int, int]:
        """Return {pid: parent} of every process of the run; the parent of a root is 0."""
        roots = [pid for pid, owner in self.orphans.items() if owner == run.run]
        if run.end is None:
            roots.append(run.pid)
        if run.pidfd >= 0:  # Not our child, and what it started may hang anywhere.
            roots += self.bearers(run.mark)
        return tree.descendants(roots)

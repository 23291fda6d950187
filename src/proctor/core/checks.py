"""What the answers of checks say about a replica, and when to ask again.

A startup check comes first, if there is one: until it has succeeded nothing else is asked, and when
it has failed often enough the replica has to end.  Then readiness and liveness are asked side by
side.  Nothing is asked, and nothing wakes up, for a replica without checks.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from .commands import Command, EndProbes, Probe
from .deadlines import Deadlines
from .events import Booted, Event, Probed, Ready, Unhealthy, Unready
from .model import Now, Replica, ReplicaId, State
from .spec import Check, CheckKind, Spec

STARTUP, READINESS, LIVENESS = "startup", "readiness", "liveness"
LINE = "line:"
"""Begins the name of a probe for a line that a dependent waits for; the pattern follows."""

ONCE_TOLD = frozenset({CheckKind.LOG_LINE, CheckKind.NOTIFY})
"""Kinds that are not asked again and again: the answer comes when it comes."""

PATIENCE = 5.0
"""Seconds that an answer may come late by before it is taken for a failure."""

Key = tuple[ReplicaId, str]

Followed = tuple[list[Command], list[Event]]
"""What to ask now, and what the answer means for the replica."""


class Verdict(Struct, frozen=True):
    """What a check has said so far: answers in a row, and the last thing that was seen.

    `asked`: an answer is on its way.  `at` is monotonic seconds.
    """

    run: int
    passing: bool | None = None
    successes: int = 0
    failures: int = 0
    text: str = ""
    at: float = 0.0
    asked: bool = False


class Checks:
    """The checks of all replicas that are up, and the lines their dependents wait for."""

    def __init__(self) -> None:
        self.verdicts: dict[Key, Verdict] = {}
        self._due: Deadlines[Key] = Deadlines()
        self._lines: dict[ReplicaId, set[str]] = {}

    def earliest(self) -> float | None:
        return self._due.earliest()

    def begin(self, r: Replica, spec: Spec, now: Now) -> list[Command]:
        """A replica is up, or found to be: ask what has to be asked first."""
        return self._begin(r, spec, [READINESS, LIVENESS] if r.booted else [STARTUP], now)

    def end(self, r: Replica) -> list[Command]:
        """A replica is up no more."""
        had = False
        for name in (STARTUP, READINESS, LIVENESS):
            had = self.verdicts.pop((r.id, name), None) is not None or had
            self._due.set((r.id, name), None)
        return [EndProbes(r.id, r.run)] if had else []

    def pop_due(self, now: Now) -> list[Key]:
        return self._due.pop_due(now.mono)

    def ask(self, key: Key, r: Replica, spec: Spec, now: Now) -> Followed:
        """A moment has come: ask, or take the silence of who should have spoken as an answer."""
        id, name = key
        check = _check(spec, name)
        verdict = self.verdicts.get(key)
        if check is None or verdict is None or verdict.run != r.run:
            return [], []
        if check.kind in ONCE_TOLD:
            silence = f"nothing for {check.period:g} s"
        elif verdict.asked:
            silence = f"no answer within {check.timeout + PATIENCE:g} s"
        else:
            self.verdicts[key] = replace(verdict, asked=True)
            self._due.set(key, now.mono + check.timeout + PATIENCE)
            return [Probe(id, r.run, name, check, spec)], []
        return self._take(Probed(id, r.run, name, False, silence), check.failures, r, spec, now)

    def answered(self, event: Probed, r: Replica, spec: Spec, now: Now) -> Followed:
        """Take an answer in; return what to ask now, and what it means for the replica.

        What a task says of itself, or a line that was found, is meant: it need not come twice.
        """
        check = _check(spec, event.name)
        if check is None:
            return [], []
        once = check.kind in ONCE_TOLD
        needed = 1 if once else check.successes if event.ok else check.failures
        return self._take(event, needed, r, spec, now)

    # Lines.

    def look_for(self, r: Replica, patterns: Iterable[str], spec: Spec) -> list[Command]:
        """Look for lines in the output of a replica that is up."""
        found = self._lines.get(r.id, ())
        return [
            Probe(r.id, r.run, LINE + pattern, Check(CheckKind.LOG_LINE, pattern), spec)
            for pattern in patterns
            if pattern not in found
        ]

    def line_found(self, event: Probed) -> None:
        self._lines.setdefault(event.id, set()).add(event.name.removeprefix(LINE))

    def has_line(self, id: ReplicaId, pattern: str) -> bool:
        """Whether a line of its current or last run is known to match."""
        return pattern in self._lines.get(id, ())

    def forget_lines(self, id: ReplicaId) -> None:
        """A new run begins, or the replica is no more."""
        self._lines.pop(id, None)

    # Inside.

    def _take(self, event: Probed, needed: int, r: Replica, spec: Spec, now: Now) -> Followed:
        """Count an answer; `needed` of its kind in a row are a verdict."""
        key = (event.id, event.name)
        before = self.verdicts.get(key)
        check = _check(spec, event.name)
        if before is None or check is None or before.run != event.run or r.state is not State.UP:
            return [], []
        if not before.asked and check.kind not in ONCE_TOLD:
            return [], []  # It came too late: its silence has been counted.
        after = _judged(before, needed, event, now)
        self.verdicts[key] = after
        if event.ok is None:
            return [], []
        self._due.set(key, _next(event.name, check, event, now))
        if after.passing is before.passing:
            return [], []
        return self._changed(event.name, after, r, spec, now)

    def _begin(self, r: Replica, spec: Spec, names: list[str], now: Now) -> list[Command]:
        commands: list[Command] = []
        for name in names:
            check = _check(spec, name)
            if check is None:
                continue
            key = (r.id, name)
            known = True if name == READINESS and r.ready else None
            self.verdicts[key] = Verdict(r.run, passing=known, at=now.mono)
            if check.kind not in ONCE_TOLD:
                self._due.set(key, now.mono + check.delay)
                continue
            commands.append(Probe(r.id, r.run, name, check, spec))
            # A watchdog's silence counts from the start; for readiness, silence is patience.
            silent = None if name == READINESS else now.mono + check.delay + check.period
            self._due.set(key, silent)
        return commands

    def _changed(self, name: str, after: Verdict, r: Replica, spec: Spec, now: Now) -> Followed:
        if name == READINESS and after.passing:
            return [], [Ready(r.id, r.run)]
        if name == READINESS:
            return [], [Unready(r.id, r.run, f"readiness: {after.text}")]
        if not after.passing:
            return [], [Unhealthy(r.id, r.run, f"{name} check failed: {after.text}")]
        if name == STARTUP:
            self._due.set((r.id, STARTUP), None)
            return self._begin(r, spec, [READINESS, LIVENESS], now), [Booted(r.id, r.run)]
        return [], []


def _check(spec: Spec, name: str) -> Check | None:
    return {STARTUP: spec.startup, READINESS: spec.readiness, LIVENESS: spec.liveness}.get(name)


def _judged(before: Verdict, needed: int, answer: Probed, now: Now) -> Verdict:
    """Count the answer; `needed` in a row change what passes."""
    seen = replace(before, text=answer.text, at=now.mono, asked=False)
    if answer.ok is None:
        return seen
    if answer.ok:
        count = before.successes + 1
        passing = True if count >= needed else before.passing
        return replace(seen, passing=passing, successes=count, failures=0)
    count = before.failures + 1
    passing = False if count >= needed else before.passing
    return replace(seen, passing=passing, failures=count, successes=0)


def _next(name: str, check: Check, answer: Probed, now: Now) -> float | None:
    """When to ask again, or to take silence for an answer; a line that was found stays found."""
    if check.kind in ONCE_TOLD and name == READINESS:
        return None
    if check.kind is CheckKind.LOG_LINE and answer.ok:
        return None
    return now.mono + check.period

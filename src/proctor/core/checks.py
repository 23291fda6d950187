"""What the answers of checks say about a replica, and when to ask again.

A startup check comes first, if there is one: until it has succeeded nothing else is asked, and when
it has failed often enough the replica has to end.  Then readiness and liveness are asked side by
side.  Nothing is asked, and nothing wakes up, for a replica without checks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .commands import Command, EndProbes, Probe
from .deadlines import Deadlines
from .events import Event, Probed, Ready, Unhealthy, Unready
from .model import Now, Replica, ReplicaId, State
from .spec import Check, CheckKind, Spec

STARTUP, READINESS, LIVENESS = "startup", "readiness", "liveness"
LINE = "line:"
"""Begins the name of a probe for a line that a dependent waits for; the pattern follows."""

ONCE_TOLD = frozenset({CheckKind.LOG_LINE, CheckKind.NOTIFY})
"""Kinds that are not asked again and again: the answer comes when it comes."""

Key = tuple[ReplicaId, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check has said so far: answers in a row, and the last thing that was seen."""

    run: int
    passing: bool | None = None
    successes: int = 0
    failures: int = 0
    text: str = ""
    at: float = 0.0


class Checks:
    """The checks of all replicas that are up."""

    def __init__(self) -> None:
        self.verdicts: dict[Key, Verdict] = {}
        self._due: Deadlines[Key] = Deadlines()

    def earliest(self) -> float | None:
        return self._due.earliest()

    def begin(self, r: Replica, spec: Spec, now: Now) -> list[Command]:
        """A replica is up: ask what has to be asked first."""
        names = [STARTUP] if spec.startup is not None else [READINESS, LIVENESS]
        return self._begin(r, spec, names, now)

    def end(self, r: Replica) -> list[Command]:
        """A replica is up no more."""
        had = False
        for name in (STARTUP, READINESS, LIVENESS):
            had = self.verdicts.pop((r.id, name), None) is not None or had
            self._due.set((r.id, name), None)
        return [EndProbes(r.id, r.run)] if had else []

    def pop_due(self, now: Now) -> list[Key]:
        return self._due.pop_due(now.mono)

    def ask(self, key: Key, r: Replica, spec: Spec, now: Now) -> tuple[list[Command], list[Event]]:
        """A moment has come: ask, or take the silence of who should have spoken as an answer."""
        id, name = key
        check = _check(spec, name)
        if check is None or key not in self.verdicts or self.verdicts[key].run != r.run:
            return [], []
        if check.kind in ONCE_TOLD:
            silence = Probed(id, r.run, name, False, f"nothing for {check.period:g} s")
            return [], self.answered(silence, r, spec, now)[1]
        return [Probe(id, r.run, name, check, spec)], []

    def answered(
        self, event: Probed, r: Replica, spec: Spec, now: Now
    ) -> tuple[list[Command], list[Event]]:
        """Take an answer in; return what to ask now, and what it means for the replica."""
        key = (event.id, event.name)
        before = self.verdicts.get(key)
        check = _check(spec, event.name)
        if before is None or check is None or before.run != event.run or r.state is not State.UP:
            return [], []
        after = _judged(before, check, event, now)
        self.verdicts[key] = after
        self._due.set(key, _next(check, event, now))
        return self._follows(event.name, before, after, r, spec, now)

    def _begin(self, r: Replica, spec: Spec, names: list[str], now: Now) -> list[Command]:
        commands: list[Command] = []
        for name in names:
            check = _check(spec, name)
            if check is None:
                continue
            key = (r.id, name)
            self.verdicts[key] = Verdict(r.run, at=now.mono)
            if check.kind in ONCE_TOLD:
                commands.append(Probe(r.id, r.run, name, check, spec))
                # A watchdog's silence counts from the start; for readiness, silence is patience.
                silent = name != READINESS
                self._due.set(key, now.mono + check.delay + check.period if silent else None)
            else:
                self._due.set(key, now.mono + check.delay)
        return commands

    def _follows(
        self, name: str, before: Verdict, after: Verdict, r: Replica, spec: Spec, now: Now
    ) -> tuple[list[Command], list[Event]]:
        if after.passing is before.passing:
            return [], []
        if name == STARTUP and after.passing:
            self._due.set((r.id, STARTUP), None)
            commands = self._begin(r, spec, [READINESS, LIVENESS], now)
            return commands, [] if spec.readiness is not None else [Ready(r.id, r.run)]
        if name == READINESS:
            if after.passing:
                return [], [Ready(r.id, r.run)]
            return [], [Unready(r.id, r.run, f"readiness: {after.text}")]
        if after.passing is False:
            return [], [Unhealthy(r.id, r.run, f"{name} check failed: {after.text}")]
        return [], []


def _check(spec: Spec, name: str) -> Check | None:
    match name:
        case "startup":
            return spec.startup
        case "readiness":
            return spec.readiness
        case "liveness":
            return spec.liveness
    return None


def _judged(before: Verdict, check: Check, answer: Probed, now: Now) -> Verdict:
    """Count the answer; `successes` or `failures` in a row change what passes."""
    seen = replace(before, text=answer.text, at=now.mono)
    if answer.ok:
        count = before.successes + 1
        passing = True if count >= check.successes else before.passing
        return replace(seen, passing=passing, successes=count, failures=0)
    count = before.failures + 1
    passing = False if count >= check.failures else before.passing
    return replace(seen, passing=passing, failures=count, successes=0)


def _next(check: Check, answer: Probed, now: Now) -> float | None:
    """When to ask again; a line that was found stays found."""
    if check.kind is CheckKind.LOG_LINE and answer.ok:
        return None
    return now.mono + check.period

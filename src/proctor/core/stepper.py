"""One replica's step, and what follows from it directly: commands, history, checks.

Rule: every event that concerns a replica goes through `handle`, and so through the machine.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import machine
from .checks import LINE, Checks
from .commands import Command
from .events import Event, Probed, Respecified, Start, Stepped, Stop, Timeout, Unblocked
from .model import Exit, Note, Now, Replica, ReplicaId, Run, State
from .register import Register
from .restart import succeeded
from .spec import Spec


class Stepper:
    """Takes events to replicas.

    `commands` pile up for the engine.  `actor` is who is behind what happens next, for the notes.
    `fatal` is how an essential task has ended, once one has failed for good.
    """

    def __init__(self, book: Register, next_run: int) -> None:
        self.book = book
        self.next_run = next_run
        self.checks = Checks()
        self.commands: list[Command] = []
        self.actor = ""
        self.fatal: Exit | None = None

    def handle(self, event: Event, now: Now) -> None:
        before = self.book.replicas.get(event.id)
        if before is None:
            return
        spec = self.book.spec_of(before)
        if isinstance(event, Probed):
            self._answered(event, before, spec, now)
            return
        if isinstance(event, Stepped) and event.error and event.run == before.run:
            self.note(now, "replica.stop_command_failed", event.id.task, before, event.error)
        after, commands = machine.step(before, spec, event, now)
        self.commands += commands
        if after is not before:
            self.book.set_replica(after)
            self._follow(before, after, now)

    def handle_all(self, events: Iterable[Event], now: Now) -> None:
        for event in events:
            self.handle(event, now)

    def due(self, now: Now) -> None:
        """Deal with every deadline of a replica that has passed."""
        for id in self.book.deadlines.pop_due(now.mono):
            # Popped, it is no longer on the list: a state that keeps its deadline sets it again.
            self.handle(Timeout(id), now)
        for key in self.checks.pop_due(now):
            r = self.book.replicas[key[0]]
            commands, events = self.checks.ask(key, r, self.book.spec_of(r), now)
            self.commands += commands
            self.handle_all(events, now)
        self.book.touch(self.book.looks.pop_due(now.mono))

    def begin(self, id: ReplicaId, now: Now) -> None:
        """Begin a run of a replica that nothing holds up."""
        run, self.next_run = self.next_run, self.next_run + 1
        self.checks.forget_lines(id)
        self.handle(Unblocked(id, run, self.book.tasks[id.task].revision), now)

    def restart(self, id: ReplicaId, now: Now, *, reason: str, trigger: str = "restart") -> None:
        """End the current run, if there is one, and begin another."""
        self.handle(Stop(id, reason), now)
        self.handle(Start(id, trigger), now)

    def watch(self, r: Replica, now: Now) -> None:
        """A replica is up, or found to be: ask its checks, and look for the lines it may print."""
        spec = self.book.spec_of(r)
        self.commands += self.checks.begin(r, spec, now)
        self.look_for_lines(r)

    def respecify(self, r: Replica, now: Now) -> None:
        """What watches over a replica that is up has changed: begin it anew."""
        self.commands += self.checks.end(r)
        self.handle(Respecified(r.id), now)
        self.watch(self.book.replicas[r.id], now)

    def look_for_lines(self, r: Replica) -> None:
        """Look for the lines that dependents wait for in the output of a replica that is up."""
        dependents = self.book.dependents_of(r.id.task)
        if dependents:
            deps = [dep for name in dependents for dep in self.book.tasks[name].spec.deps]
            patterns = {dep.pattern for dep in deps if dep.task == r.id.task and dep.pattern}
            spec = self.book.spec_of(r)
            self.commands += self.checks.look_for(r, sorted(patterns), spec)

    def look_for_lines_of(self, spec: Spec) -> None:
        """Look for the lines that the spec waits for in tasks that are up already."""
        for dep in spec.deps:
            if dep.pattern is not None:
                for r in self.book.replicas_of(dep.task):
                    if r.state is State.UP:
                        self.look_for_lines(r)

    def note(
        self, now: Now, kind: str, task: str, r: Replica | None = None, reason: str = ""
    ) -> None:
        if r is None:
            note = Note(now.wall, kind, task, None, None, None, reason, self.actor)
        else:
            run = r.run or None
            note = Note(now.wall, kind, task, r.id.index, run, r.pid, reason, self.actor)
        self.book.changes.notes.append(note)

    # Inside.

    def _answered(self, event: Probed, r: Replica, spec: Spec, now: Now) -> None:
        if not event.name.startswith(LINE):
            commands, events = self.checks.answered(event, r, spec, now)
            self.commands += commands
            self.handle_all(events, now)
        elif event.ok and event.run == r.run:
            self.checks.line_found(event)
            self.book.touch([r.id.task])

    def _follow(self, before: Replica, after: Replica, now: Now) -> None:
        if after.state is not before.state:
            self.note(now, _KINDS[after.state], after.id.task, after, after.reason)
            if after.state is State.UP:
                self.watch(after, now)
            elif before.state is State.UP:
                self.commands += self.checks.end(before)
            if before.alive and not after.pending:
                self._ended_for_good(after, now)
        elif after.ready is not before.ready:
            kind = "replica.ready" if after.ready else "replica.unready"
            self.note(now, kind, after.id.task, after, after.reason)
        if before.alive or after.alive:
            self._note_run(before, after, now)

    def _ended_for_good(self, r: Replica, now: Now) -> None:
        """A run is over and none is to follow; if nobody wanted that, it may be the end of all."""
        spec = self.book.tasks[r.id.task].spec
        if not spec.essential or r.asked or self.fatal is not None:
            return
        if r.exit is not None and not succeeded(spec, r.exit):
            self.fatal = r.exit
            self.note(now, "task.essential_failed", r.id.task, r, str(r.exit))

    def _note_run(self, before: Replica, after: Replica, now: Now) -> None:
        """Keep the history of the run that the step was about."""
        if after.alive and after.run == before.run and after.pid in (before.pid, None):
            return  # Without a pid: its process has ended, but not what it left behind.
        known = self.book.changes.runs.get(after.run)
        ended = exit = None
        if not after.alive:
            exit = after.exit
            seen = exit.at if exit is not None else None
            ended = now.wall if seen is None else seen
        self.book.changes.runs[after.run] = Run(
            run=after.run,
            id=after.id,
            trigger=after.trigger,
            started=now.wall if after.started is None else after.started,
            pid=after.pid or before.pid or (known.pid if known else None),
            ended=ended,
            exit=exit,
            attempt=(after if after.alive else before).restarts + 1,
        )


_KINDS = {state: f"replica.{state}" for state in State}

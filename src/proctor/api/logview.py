"""What of the logs is asked for: a query as values, the replicas it means, and what they get."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from proctor.core.errors import BadSpec, UnknownTask
from proctor.core.hosts import is_internal
from proctor.core.model import ReplicaId, Run
from proctor.logs import files, reader
from proctor.logs.lines import Line
from proctor.logs.markers import Marker
from proctor.logs.pattern import Pattern
from proctor.logs.search import Source, Wanted, level_named, whole
from proctor.manager import Manager

from .cursor import Rank
from .ports import Service
from .schemas.streams import LogEntry, LogsQuery
from .selectors import has_labels, is_glob

MOST_RUNS = 10_000

STREAMS = ("out", "err")
"""What the streams of a run are called."""


class State(Struct, frozen=True):
    """Of a log: its end, the end of its last whole line, and when it was last written to.

    What a run left without a newline is whole when the run is over.
    """

    end: int
    whole: int
    modified: float


class LogView:
    """Knows the tasks and runs that logs belong to."""

    def __init__(self, manager: Manager, root: Path, service: Service) -> None:
        self.manager = manager
        self.root = root
        self._flush = service.flush

    def chosen(self, query: LogsQuery) -> list[ReplicaId]:
        """Return the replicas meant, those of tasks that are gone too.

        Raises UnknownTask for a name that there is not.
        """
        known = {*self.manager.world.replicas, *files.replicas(self.root)}
        for part in filter(None, query.task.split(",")):
            one = by_name(part)
            if not is_glob(part.partition(":")[0]) and not any(map(one, known)):
                raise UnknownTask(
                    f"no task is named {part!r}, nor has one left output", field="task"
                )
        found = sorted(filter(self.matcher(query), known))
        if not found and (query.namespace or query.label) and not query.follow:
            raise UnknownTask("no task fits the selection", field="task")
        return found

    def matcher(self, query: LogsQuery) -> Callable[[ReplicaId], bool]:
        """Return whether a replica is meant; of what is gone there are no labels.

        It may be asked in any thread: it only looks one value up.
        """
        named, tasks = by_name(query.task), self.manager.world.tasks
        namespaces = [part for part in query.namespace.split(",") if part]
        pairs = [part.partition("=") for part in query.label.split(",") if part]
        labels = [(name, value if equals else None) for name, equals, value in pairs]
        if not namespaces and not labels:
            return named

        def meant(id: ReplicaId) -> bool:
            task = tasks.get(id.task)
            if task is None or not named(id):
                return False
            fits = not namespaces or task.spec.namespace in namespaces
            return fits and has_labels(task.spec.labels, labels)

        return meant

    async def settled(
        self, ids: Sequence[ReplicaId], query: LogsQuery, *, lines: bool = True
    ) -> tuple[list[Source], dict[ReplicaId, State]]:
        """Return where to read, and how far: whatever is marked there as ended is on file whole.

        Ends are taken from before the output was flushed, so that nothing follows them; begins
        from after it was looked how far the logs go, so that nothing there precedes its own.
        Without `lines` nobody minds where the last line that is whole ends.
        """
        early = self._sources(ids, query)
        resting = {id for id in ids if not (lines and self._is_alive(id))}
        if self._flush is not None:
            await asyncio.wrap_future(self._flush())
        states = await asyncio.to_thread(_states, self.root, ids, resting)
        ended = {(one.id, mark.rank) for one in early for mark in one.markers if mark.ends}
        late = self._sources(ids, query) if marked(query) else early
        return [_with_ends(source, ended) for source in late], states

    def _is_alive(self, id: ReplicaId) -> bool:
        replica = self.manager.world.replicas.get(id)
        return replica is not None and replica.alive

    def _sources(self, ids: Iterable[ReplicaId], query: LogsQuery) -> list[Source]:
        """Return where to read, from where on, and with which markers."""
        found = list(ids)
        marks = self._markers(found, query) if marked(query) else {}
        return [
            Source(id, self.first_run(id, query), markers=tuple(marks.get(id, ()))) for id in found
        ]

    def first_run(self, id: ReplicaId, query: LogsQuery) -> int:
        """Return the first run of the task that is there now, 0 to go back before it."""
        task = self.manager.world.tasks.get(id.task)
        if task is None or query.all or query.since is not None or query.run is not None:
            return 0
        return task.first_run

    def _markers(self, ids: list[ReplicaId], query: LogsQuery) -> dict[ReplicaId, list[Marker]]:
        found: dict[ReplicaId, list[Marker]] = {id: [] for id in ids}
        since, until = query.since or 0.0, query.until or float("inf")
        for name in sorted({id.task for id in ids}):
            for run in self.manager.store.runs(name, limit=MOST_RUNS):
                if run.id not in found or query.run not in (None, run.run):
                    continue
                if run.run >= self.first_run(run.id, query):
                    marks = [mark for mark in markers_of(run) if since <= mark.time < until]
                    found[run.id] += marks
        return found


def _with_ends(source: Source, ended: Collection[tuple[ReplicaId, Rank]]) -> Source:
    kept = (mark for mark in source.markers if not mark.ends or (source.id, mark.rank) in ended)
    return replace(source, markers=tuple(kept))


def _states(
    root: Path, ids: Iterable[ReplicaId], resting: Collection[ReplicaId]
) -> dict[ReplicaId, State]:
    states = {}
    for id in ids:
        found = reader.segments(root, id)
        end = found[-1].end if found else 0
        lines = end if id in resting else whole(root, id)
        states[id] = State(end, lines, found[-1].modified if found else 0.0)
    return states


def by_name(selector: str) -> Callable[[ReplicaId], bool]:
    """Return whether a replica is meant; without a selector all are, but for the service's own."""
    parts = [part.partition(":") for part in selector.split(",") if part]

    def meant(id: ReplicaId) -> bool:
        if is_internal(id.task):
            return False
        return not parts or any(
            fnmatchcase(id.task, name) and index in ("", "*", str(id.index))
            for name, _, index in parts
        )

    return meant


def wanted(query: LogsQuery) -> Wanted:
    """Raises BadSpec."""
    level = level_named(query.level) if query.level else None
    if query.level and level is None:
        raise BadSpec(
            "`level` is not valid: expected trace, debug, info, warning, error or critical",
            field="level",
        )
    return Wanted(
        since=query.since,
        until=query.until,
        grep=None if query.grep is None else Pattern(query.grep, "grep"),
        run=query.run,
        level=level,
        tail=query.tail,
        stream=None if query.stream is None else STREAMS.index(query.stream),
    )


def marked(query: LogsQuery) -> bool:
    """Whether begins and ends of runs are shown: where no line is left out for what it says."""
    left_out = query.grep is not None or query.level or query.stream is not None
    return not left_out and query.tail is None


def markers_of(run: Run) -> Iterator[Marker]:
    if run.pid is not None:
        yield Marker(run.run, False, run.started, f"started pid={run.pid} ({run.trigger})")
    if run.ended is not None and run.exit is not None:
        lasted = max(0.0, run.ended - run.started)
        yield Marker(run.run, True, run.ended, f"{run.exit} after {lasted:.1f}s")


def entry(id: ReplicaId, found: Line | Marker) -> LogEntry:
    if isinstance(found, Marker):
        return LogEntry(found.time, id.task, id.index, run=found.run, marker=found.text)
    return LogEntry(
        time=found.time,
        task=id.task,
        replica=id.index,
        text=found.text.rstrip(b"\r\n").decode("utf-8", "replace"),
        run=found.run or None,
        stream=STREAMS[found.stream],
    )

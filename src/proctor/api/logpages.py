"""/v1/logs/page: logs by pages, in both directions and from anywhere, for who scrolls in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from proctor.core.errors import BadSpec
from proctor.core.model import ReplicaId
from proctor.logs.search import Source, Wanted
from proctor.manager import Manager

from . import cursor
from .cursor import Place
from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .logpage import (
    Log,
    Page,
    Places,
    at_begin,
    at_end,
    at_share,
    at_time,
    backwards,
    extent,
    forwards,
    mark_at,
)
from .logview import LogView, State, entry, wanted
from .oapi import Call, Group, Nothing, Operation
from .ports import Service
from .reply import Reply, json_reply
from .schemas.logpages import LogPage, LogPageQuery
from .schemas.streams import LogsQuery

NAMED = 32
"""Of more replicas than these a cursor names only those that its moment does not tell of."""


class LogPages:
    """The handler."""

    def __init__(self, manager: Manager, root: Path, service: Service) -> None:
        self._root = root
        self._store = manager.store
        self._view = LogView(manager, root, service)

    async def show(self, call: Call[LogPageQuery, Nothing]) -> Reply:
        query = call.query
        asked = LogsQuery(
            task=query.task,
            namespace=query.namespace,
            label=query.label,
            grep=query.grep,
            run=query.run,
            level=query.level,
            all=query.all,
        )
        wishes = wanted(asked)
        at = _cursor(query.at)
        ids = await asyncio.to_thread(self._view.chosen, asked)
        sources, states = await self._view.settled(self._of_run(ids, query.run), asked)
        page = await asyncio.to_thread(self._page, sources, states, wishes, query, at)
        return json_reply(page)

    def _of_run(self, ids: list[ReplicaId], number: int | None) -> list[ReplicaId]:
        run = self._store.run(number) if number is not None else None
        return ids if run is None else [id for id in ids if id == run.id]

    def _page(
        self,
        sources: Sequence[Source],
        states: Mapping[ReplicaId, State],
        wishes: Wanted,
        query: LogPageQuery,
        at: cursor.Cursor | None,
    ) -> LogPage:
        logs = [self._log(source, states[source.id], wishes) for source in sources]
        places = self._places(logs, query, at)
        read = backwards if query.back else forwards
        return self._reply(logs, read(self._root, logs, places, wishes, query.limit))

    def _log(self, source: Source, state: State, wishes: Wanted) -> Log:
        first, stop = extent(self._root, source.id, source.first_run, wishes.run, state.whole)
        return Log(source.id, first, stop, source.markers)

    def _places(self, logs: Sequence[Log], query: LogPageQuery, at: cursor.Cursor | None) -> Places:
        if at is not None:
            return {log.id: self._place(log, at) for log in logs}
        if query.time is not None:
            return {log.id: at_time(self._root, log, query.time) for log in logs}
        if query.share is not None:
            return at_share(self._root, logs, query.share)
        return at_end(self._root, logs) if query.back else at_begin(logs)

    def _place(self, log: Log, at: cursor.Cursor) -> Place:
        named = at.places.get(log.id)
        if named is None:
            return at_time(self._root, log, at.since)
        if named.offset >= log.first:
            return Place(min(named.offset, log.stop), named.mark)
        # What was there has been rotated away since.
        return Place(log.first, max(named.mark, mark_at(self._root, log, log.first, 0.0)))

    def _reply(self, logs: Sequence[Log], page: Page) -> LogPage:
        before, after = page.before, page.after
        return LogPage(
            lines=[entry(step.id, step.one) for step in page.steps],
            before=self._cursor(logs, before, page.steps[0].key if page.steps else 0.0),
            after=self._cursor(logs, after, page.steps[-1].key if page.steps else 0.0),
            bytes=sum(after[log.id].offset - before[log.id].offset for log in logs),
            bytes_before=sum(before[log.id].offset - log.first for log in logs),
            bytes_after=sum(log.stop - after[log.id].offset for log in logs),
            first=all(_is_first(log, before[log.id]) for log in logs),
            last=all(_is_last(log, after[log.id]) for log in logs),
        )

    def _cursor(self, logs: Sequence[Log], places: Places, moment: float) -> str:
        since = max(0.0, round(moment, 6))
        if len(logs) > NAMED:
            told = {log.id: at_time(self._root, log, since) for log in logs}
            places = {id: place for id, place in places.items() if told[id] != place}
        return cursor.encode(since, places)


def _is_first(log: Log, place: Place) -> bool:
    return place.offset <= log.first and not any(m.rank <= place.mark for m in log.markers)


def _is_last(log: Log, place: Place) -> bool:
    return place.offset >= log.stop and not any(m.rank > place.mark for m in log.markers)


def _cursor(text: str) -> cursor.Cursor | None:
    found = cursor.parse(text) if text else None
    if text and found is None:
        raise BadSpec("`at` is not valid: expected a place that a page named", field="at")
    return found


LINE = {"time": 1893456000.0, "task": "web", "replica": 0, "text": "GET / 200", "run": 17}


def group(handlers: LogPages) -> Group:
    """Return the operation on pages of logs."""
    operation = Operation(
        method="GET",
        path="/v1/logs/page",
        id="read_log_page",
        tag="logs",
        summary="Read logs by pages, in both directions and from anywhere",
        description="Pages that follow each other by `before` and `after` have no gap and no "
        "repeat, and /v1/logs with `follow` goes on behind the last by the same `after`.",
        handler=handlers.show,
        query=LogPageQuery,
        returns=LogPage,
        answer={
            "lines": [LINE],
            "before": "1893456000.000000,web:0@512.17.0",
            "after": "1893456000.000000,web:0@522.17.0",
            "bytes": 10,
            "bytes_before": 512,
            "bytes_after": 0,
            "first": False,
            "last": True,
        },
        errors={400: "A parameter is not valid.", 404: "No such task has written anything."},
    )
    return Group((operation,), problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

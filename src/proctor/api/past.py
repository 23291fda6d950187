"""/v1/history: what happened, the newest first, by pages; /v1/events goes the other way."""

from __future__ import annotations

from proctor.core.model import Note
from proctor.manager import Manager

from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .oapi import Call, Group, Nothing, Operation
from .reply import Reply, json_reply
from .schemas.past import EventList, HistoryQuery
from .schemas.streams import EventEntry


class Past:
    """The handler; events are kept in the store, also those of tasks that are gone."""

    def __init__(self, manager: Manager) -> None:
        self._store = manager.store

    async def show(self, call: Call[HistoryQuery, Nothing]) -> Reply:
        query = call.query
        found = self._store.events_before(
            query.before,
            task=query.task,
            kind=query.kind,
            actor=query.actor,
            limit=query.limit + 1,
        )
        page = [_entry(id, note) for id, note in found[: query.limit]]
        more = len(found) > len(page)
        return json_reply(EventList(page, page[-1].id if more else None))


def _entry(id: int, n: Note) -> EventEntry:
    return EventEntry(id, n.at, n.kind, n.task, n.replica, n.run, n.pid, n.reason, n.actor)


EVENT = {
    "id": 4711,
    "at": 1893456000.0,
    "kind": "replica.backoff",
    "task": "web",
    "replica": 0,
    "run": 17,
    "pid": 4321,
    "reason": "exited 1",
    "actor": "policy",
}


def group(handlers: Past) -> Group:
    """Return the operation on events of the past."""
    operation = Operation(
        method="GET",
        path="/v1/history",
        id="list_events",
        tag="events",
        summary="List what happened, the newest first, by pages",
        handler=handlers.show,
        query=HistoryQuery,
        returns=EventList,
        answer={"events": [EVENT], "next": 4711},
    )
    return Group((operation,), problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

"""The operations of /v1 on tasks, their runs, and what they write and undergo.

Paths, words for the document, and examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from proctor.operations import Operations

from . import operation
from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .events import Events
from .examples import DETAILS, OPERATION, PATCH, PUT, RUN, SELECTION, SUMMARY, TASK
from .history import Runs
from .logs import Logs
from .oapi import AnyOperation, Group, Operation
from .schemas import NamedTaskRequest, TaskRequest
from .schemas.selection import OperationResponse, SelectionRequest, WaitQuery
from .schemas.streams import EventsQuery, LogsQuery, RawQuery
from .schemas.tasks import (
    ListQuery,
    PutQuery,
    PutResponse,
    ReplaceQuery,
    ReplicaList,
    RunEntry,
    RunList,
    RunsQuery,
    TaskDetails,
    TaskList,
)
from .tasks import Tasks
from .verbs import Verb, Verbs
from .websocket import SocketRoute

UNKNOWN = {404: "There is no such task."}
BUSY = {503: "The service is stopping.", 507: "It could not be saved, so it was not done."}
NOT_ACCEPTED = {
    422: "A user, a group or a script does not exist, dependencies form a cycle, or a new secret "
    "is ***, as shown ones are.",
    501: "This service does not support it.",
    **BUSY,
}
NAME = {"name": "The task's name."}
NOT_SETTLED = {202: "What comes of it is not known yet; ask for the operation later."}


def tasks(handlers: Tasks) -> Group:
    """Return the operations on /v1/tasks."""
    return _group(
        Operation(
            method="GET",
            path="/v1/tasks",
            id="list_tasks",
            tag="tasks",
            summary="List tasks, filtered, sorted, by pages",
            handler=handlers.show_all,
            query=ListQuery,
            returns=TaskList,
            answer={"tasks": [SUMMARY], "total": 1, "next": None},
        ),
        Operation(
            method="POST",
            path="/v1/tasks",
            id="create_task",
            tag="tasks",
            summary="Create a task, and start it",
            handler=handlers.create,
            body=TaskRequest,
            status=201,
            returns=PutResponse,
            answer=PUT | {"result": "created", "task": DETAILS},
            examples={"a web server": TASK},
            errors={409: "A task of that name exists.", **NOT_ACCEPTED},
        ),
        Operation(
            method="GET",
            path="/v1/tasks/{name}",
            id="get_task",
            tag="tasks",
            summary="Show all about a task: what it is doing and why, its replicas, its spec",
            handler=handlers.show,
            returns=TaskDetails,
            answer=DETAILS,
            places=NAME,
            errors=UNKNOWN,
        ),
        Operation(
            method="PUT",
            path="/v1/tasks/{name}",
            id="put_task",
            tag="tasks",
            summary="Have the task be as the body says, touching no more than that takes",
            description="Idempotent. A variable whose value is *** keeps the value that it has.",
            handler=handlers.replace,
            query=ReplaceQuery,
            body=NamedTaskRequest,
            returns=PutResponse,
            also={201: "It was created."},
            answer=PUT | {"task": DETAILS},
            examples={"a web server": TASK},
            places=NAME,
            errors={404: "The task is being removed.", **NOT_ACCEPTED},
        ),
        Operation(
            method="PATCH",
            path="/v1/tasks/{name}",
            id="patch_task",
            tag="tasks",
            summary="Change some fields of a task: a JSON merge patch (RFC 7396)",
            handler=handlers.patch,
            query=PutQuery,
            body=dict,
            returns=PutResponse,
            answer=PUT | {"task": DETAILS},
            examples={"two replicas, and no PORT": PATCH},
            places=NAME,
            errors=UNKNOWN | NOT_ACCEPTED,
        ),
        Operation(
            method="GET",
            path="/v1/tasks/{name}/replicas",
            id="list_replicas",
            tag="tasks",
            summary="Show the replicas of a task",
            handler=handlers.replicas,
            returns=ReplicaList,
            answer={"replicas": DETAILS["replicas"]},
            places=NAME,
            errors=UNKNOWN,
        ),
    )


def verbs(handlers: Verbs, operations: Operations) -> Group:
    """Return the operations that do something to tasks."""
    found: list[AnyOperation] = []
    for verb in handlers.all:
        found += _verb(handlers, verb)
    found.append(
        Operation(
            method="GET",
            path="/v1/operations/{id}",
            id="get_operation",
            tag="operations",
            summary="Show what has come of something that was asked for",
            handler=partial(operation.show, operations),
            query=WaitQuery,
            returns=OperationResponse,
            answer=OPERATION,
            places={"id": "The operation's id."},
            errors={404: "There is no such operation, or no more."},
        )
    )
    return _group(*found)


def _verb(handlers: Verbs, verb: Verb) -> Sequence[AnyOperation]:
    common: dict[str, Any] = {
        "tag": "verbs",
        "description": verb.description,
        "query": verb.query,
        "returns": OperationResponse,
        "also": NOT_SETTLED,
        "answer": OPERATION | {"verb": verb.name},
    }
    errors = {
        404: "There is no such task.",
        409: "A run of it goes on already.",
        422: "Dependencies would form a cycle.",
        **BUSY,
    }
    one: AnyOperation = Operation(
        method="DELETE" if verb.name == "delete" else "POST",
        path="/v1/tasks/{name}" + ("" if verb.name == "delete" else f"/{verb.name}"),
        id=f"{verb.name}_task",
        summary=f"{verb.summary}: one task, or replica",
        handler=handlers.one(verb),
        places={"name": "The task's name, or that of a replica: `web:0`."},
        errors=errors,
        **common,
    )
    many: AnyOperation = Operation(
        method="POST",
        path=f"/v1/{verb.name}",
        id=f"{verb.name}_tasks",
        summary=f"{verb.summary}: all that is selected",
        handler=handlers.many(verb),
        body=SelectionRequest,
        examples={"by name and label": SELECTION},
        errors=errors,
        **common,
    )
    return one, many


def history(handlers: Runs) -> Group:
    """Return the operations on runs."""
    return _group(
        Operation(
            method="GET",
            path="/v1/tasks/{name}/runs",
            id="list_runs",
            tag="runs",
            summary="List the runs of a task, the newest first, by pages",
            handler=handlers.show_all,
            query=RunsQuery,
            returns=RunList,
            answer={"runs": [RUN], "next": None},
            places=NAME,
            errors=UNKNOWN,
        ),
        Operation(
            method="GET",
            path="/v1/tasks/{name}/runs/{run}",
            id="get_run",
            tag="runs",
            summary="Show one run",
            handler=handlers.show,
            returns=RunEntry,
            answer=RUN,
            places=NAME | {"run": "The run's id."},
            errors={400: "The id is no number.", 404: "There is no such run, or no more."},
        ),
    )


def streams(logs: Logs, events: Events) -> Group:
    """Return what goes on and on: logs and events."""
    return _group(
        Operation(
            method="GET",
            path="/v1/logs",
            id="read_logs",
            tag="logs",
            summary="Read what tasks write, interleaved in the order of time",
            description="JSON lines, or server-sent events if the client accepts those. With"
            " `follow` events have ids: resume with `after` or Last-Event-ID.",
            handler=logs.lines,
            query=LogsQuery,
            returns="application/x-ndjson",
            errors={400: "A parameter is not valid.", 404: "No such task has written anything."},
        ),
        Operation(
            method="GET",
            path="/v1/tasks/{name}/replicas/{index}/output",
            id="read_output",
            tag="logs",
            summary="Read the bytes that a replica wrote, as they are",
            description="All that are kept, or a part: by `start` and `stop`, or a Range header.",
            handler=logs.raw,
            query=RawQuery,
            returns="application/octet-stream",
            also={206: "The range of bytes that was asked for."},
            places=NAME | {"index": "The replica's index."},
            errors={
                400: "The index is no number.",
                404: "There is no output of it.",
                416: "Nothing of the range is kept.",
            },
        ),
        Operation(
            method="GET",
            path="/v1/events",
            id="follow_events",
            tag="events",
            summary="Follow what happens; resume with `after` or Last-Event-ID",
            description="Server-sent events, JSON lines if the client accepts those, or, to a"
            " WebSocket, each event a message.",
            handler=events.follow,
            query=EventsQuery,
            returns="text/event-stream",
            errors={410: "The events that follow `after` are not kept any more."},
        ),
        sockets=(
            SocketRoute(
                path="/v1/events",
                id="watch_events",
                summary="Follow what happens, an event a message",
                handler=events.watch,
                query=EventsQuery,
            ),
        ),
    )


def _group(*operations: AnyOperation, sockets: Sequence[SocketRoute[Any]] = ()) -> Group:
    return Group(operations, problem_details, ProblemDetails, PROBLEM_JSON[1].decode(), sockets)

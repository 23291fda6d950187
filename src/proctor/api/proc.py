"""The seed API on /proc: start, restart, stop, list, and the captured output."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path

from msgspec import UNSET

from proctor.core.errors import UnknownTask
from proctor.core.model import ReplicaId
from proctor.core.views import Listing, TaskRow

from .accept import Acceptance
from .errors import SeedError, seed
from .oapi import AnyOperation, Call, Group, Nothing, Operation
from .ports import ManagerPort
from .reply import JSON, NO_SNIFF, NO_STORE, Reply, Stream, json_reply
from .schemas import SeedTaskRequest
from .schemas.proc import (
    NameQuery,
    Ok,
    OutputResponse,
    ProcListing,
    ProcResponse,
    RemoveQuery,
    RunningEntry,
    TaskEntry,
)

OK = json_reply(Ok())
PIECE = 192 * 1024
"""Bytes of output encoded at once; a multiple of 3, so that the pieces' base64 can be joined."""


class Proc:
    """The handlers.  Keeps the bytes of the listing until the manager's version changes.

    `flush` says when all that tasks have written until now is on file.
    """

    def __init__(
        self,
        manager: ManagerPort,
        accept: Acceptance,
        log_root: Path,
        flush: Callable[[], Future[None]] | None = None,
    ) -> None:
        self._manager = manager
        self._accept = accept
        self._log_root = log_root
        self._flush = flush
        self._listing = OK
        self._listed: int | None = None

    async def show(self, call: Call[Nothing, Nothing]) -> Reply:
        version = self._manager.version
        if self._listed != version:
            self._listing = json_reply(proc_response(self._manager.listing()))
            self._listed = version
        return self._listing

    async def start(self, call: Call[Nothing, SeedTaskRequest]) -> Reply:
        spec = await self._accept.spec(call.body)
        self._manager.submit(spec, actor=call.actor)
        return OK

    async def restart(self, call: Call[NameQuery, Nothing]) -> Reply:
        self._manager.restart(call.query.name, actor=call.actor)
        return OK

    async def remove(self, call: Call[RemoveQuery, Nothing]) -> Reply:
        self._manager.remove(call.query.name, actor=call.actor)
        if call.query.wait:
            await self._manager.wait_removed(call.query.name)
        return OK

    async def output(self, call: Call[NameQuery, Nothing]) -> Stream:
        name = call.query.name
        if not self._manager.has_task(name):
            raise UnknownTask(f"there is no task `{name[:200]}`", field="name")
        from proctor.logs import reader  # Not needed to start.

        if self._flush is not None:
            await asyncio.wrap_future(self._flush())
        found = await asyncio.to_thread(reader.replicas, self._log_root, name)
        count = next((t.replica for t in self._manager.listing().tasks if t.name == name), 0)
        ids = [ReplicaId(name, index) for index in sorted({*found, *range(count)})]
        first = self._manager.first_run(name)
        logs = ((id, reader.chunks_of_runs(self._log_root, id, first)) for id in ids)
        return Stream(output_document(logs), (JSON, NO_STORE, NO_SNIFF))


def proc_response(listing: Listing) -> ProcResponse:
    running = [RunningEntry(r.command, r.pid, r.alias) for r in listing.running]
    tasks = {t.name: _task_entry(t) for t in listing.tasks}
    return ProcResponse(data=ProcListing(running, tasks))


def _task_entry(row: TaskRow) -> TaskEntry:
    interval = int(row.interval) if float(row.interval).is_integer() else row.interval
    return TaskEntry(
        name=row.name,
        cmd=row.cmd,
        type=row.type,
        replica=row.replica,
        user=row.user,
        deps=row.deps,
        interval=interval,
        last_time=row.last_time,
        run_flag=row.run_flag,
        start_time=row.start_time,
        running=row.running,
        group=row.group,
        cron=UNSET if row.cron is None else row.cron,
    )


async def output_document(
    logs: Iterable[tuple[ReplicaId, Iterator[bytes]]],
) -> AsyncGenerator[bytes, None]:
    """Yield the JSON of OutputResponse; no more than a piece of a log is in memory at a time."""
    before = b'{"code":200,"msg":"OK","data":{'
    for id, chunks in logs:
        yield before + b'"%b":"' % str(id).encode()  # Names need no escapes.
        pieces = encoded(chunks)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
        yield b'"'
        before = b","
    yield (b"}}" if before == b"," else before + b"}}")


def encoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the base64 of what the chunks make up together, in pieces."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        while len(rest) >= PIECE:
            yield base64.b64encode(memoryview(rest)[:PIECE])
            del rest[:PIECE]
    if rest:
        yield base64.b64encode(rest)


EXAMPLE = {
    "name": "task1",
    "cmd": "sleep 5",
    "type": "once",
    "replica": 2,
    "user": "guest",
    "deps": ["task0"],
}
CRON_EXAMPLE = {"name": "tidy", "cmd": "date", "type": "cron", "replica": 1, "cron": "0 4 * * *"}
LISTED = {
    "code": 200,
    "msg": "OK",
    "data": {
        "running": [{"command": "sleep 5", "pid": 4321, "alias": "task1:0"}],
        "tasks": {
            "task1": EXAMPLE
            | {
                "interval": 3,
                "last_time": 1699958864,
                "run_flag": False,
                "start_time": 1699958864,
                "running": 1,
                "group": None,
            }
        },
    },
}
UNKNOWN = {404: "There is no such task."}
BUSY = {503: "The service is stopping.", 507: "It could not be saved, so it was not done."}


def group(proc: Proc) -> Group:
    """Return the operations of /proc."""
    operations: list[AnyOperation] = [
        Operation(
            method="GET",
            path="/proc",
            id="list",
            tag="proc",
            summary="Show all tasks and all running processes",
            handler=proc.show,
            returns=ProcResponse,
            answer=LISTED,
        ),
        Operation(
            method="POST",
            path="/proc",
            id="start",
            tag="proc",
            summary="Start a task",
            handler=proc.start,
            body=SeedTaskRequest,
            returns=Ok,
            answer={"code": 200, "msg": "OK"},
            examples={"a task that runs once": EXAMPLE, "a scheduled one": CRON_EXAMPLE},
            errors={
                409: "A task of that name exists.",
                422: "A user, a group or a script does not exist, or dependencies form a cycle.",
                **BUSY,
            },
        ),
        Operation(
            method="PUT",
            path="/proc",
            id="restart",
            tag="proc",
            summary="Stop what runs of a task, then start it",
            handler=proc.restart,
            query=NameQuery,
            returns=Ok,
            answer={"code": 200, "msg": "OK"},
            errors=UNKNOWN | BUSY,
        ),
        Operation(
            method="DELETE",
            path="/proc",
            id="remove",
            tag="proc",
            summary="Stop all processes of a task and forget it",
            description="SIGTERM first, after the stop timeout SIGKILL to what is left.",
            handler=proc.remove,
            query=RemoveQuery,
            returns=Ok,
            answer={"code": 200, "msg": "OK"},
            errors=UNKNOWN | BUSY,
        ),
        Operation(
            method="GET",
            path="/proc/output",
            id="output",
            tag="proc",
            summary="Return what the replicas of a task wrote",
            handler=proc.output,
            query=NameQuery,
            returns=OutputResponse,
            answer={"code": 200, "msg": "OK", "data": {"task1:0": "aGVsbG8K"}},
            errors=UNKNOWN,
        ),
    ]
    return Group(operations, seed, SeedError)

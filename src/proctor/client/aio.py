"""The client whose methods are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, TypeVar

from . import operations as ops
from .aio_transport import AsyncTransport
from .calls import Call, decode
from .endpoint import discover
from .errors import NotReachable, Unfinished
from .models import (
    Event,
    Fire,
    Fires,
    Graph,
    Health,
    Info,
    LogLine,
    Operation,
    PutResult,
    Run,
    Sent,
    Task,
    TaskSummary,
    Usage,
)
from .outcome import LONGEST_WAIT, check, is_over
from .selection import Selection, names_of, parse
from .streams import Message, Resumption, read_event, read_line, read_log
from .transport import RETRY_PAUSE

T = TypeVar("T")


class AsyncClient:
    """Talks to the service on asyncio's streams; may be shared between tasks.

        async with AsyncClient() as proctor:
            await proctor.start("web")
            async for line in proctor.logs("web", follow=True):
                print(line.text)

    Everything is as with `Client`, and awaited.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 1.0,
    ) -> None:
        self.transport = AsyncTransport(discover(url, token), timeout, patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is kept open between calls; this is here for symmetry with `Client`."""

    async def send(self, call: Call[T]) -> T:
        """Send any request, also one that has no method here."""
        status, body = await self.transport.exchange(call)
        return decode(call, status, body)

    # Tasks.  A selector is a name, a replica ("web:0"), a glob ("web*"), "ns=shop" or
    # "label=tier=front"; several names mean all of these, namespaces and labels narrow them down.

    async def tasks(self, *select: str) -> list[TaskSummary]:
        """Return the tasks that the selectors name; all without any.

        for task in await proctor.tasks("web*", "label=tier=front"):
            print(task.name, task.state, task.reason)
        """
        selection = parse(select)
        found: list[TaskSummary] = []
        cursor = None
        while True:
            page = await self.send(ops.tasks(selection, cursor))
            found += filter(selection.matches, page.tasks)
            if (cursor := page.next) is None:
                return found

    async def task(self, name: str) -> Task:
        """Return one task with its replicas and its whole spec."""
        return await self.send(ops.task(name))

    async def create(self, name: str, fields: Mapping[str, Any]) -> PutResult:
        """Make a new task and start it.  ApiError with status 409 if the name is taken.

        await proctor.create("job", {"type": "once", "cmd": ["echo", "hi"]})
        """
        return await self.send(ops.create({"name": name, **fields}))

    async def put(
        self,
        name: str,
        fields: Mapping[str, Any],
        *,
        dry_run: bool = False,
        roll: bool = False,
        source: str | None = None,
    ) -> PutResult:
        """Make the task exist exactly so, touching no more of it than that takes.

        `dry_run`: only say what would change.  `roll`: restart a few replicas at a time.
        `source`: the absolute path of the file that says so, for the task to remember.
        """
        return await self.send(ops.put(name, fields, dry_run=dry_run, roll=roll, source=source))

    async def patch(
        self, name: str, fields: Mapping[str, Any], *, dry_run: bool = False, roll: bool = False
    ) -> PutResult:
        """Change the fields given and leave the others (RFC 7396: null takes one away)."""
        return await self.send(ops.patch(name, fields, dry_run=dry_run, roll=roll))

    # Verbs.  They return when what is asked for is reached, and raise OperationFailed if it cannot
    # be, Unfinished if it is not within `wait` seconds (it goes on).  With wait=0 they return at
    # once.

    async def start(self, *select: str, wait: float = 60.0) -> Operation:
        """Start what the selectors name, and return when it is up and ready, or has run."""
        return await self.act("start", select, wait=wait)

    async def stop(self, *select: str, wait: float = 60.0) -> Operation:
        """Stop it, and return when nothing of it is left alive."""
        return await self.act("stop", select, wait=wait)

    async def restart(self, *select: str, rolling: bool = False, wait: float = 60.0) -> Operation:
        """Stop and start it; `rolling`: a few replicas at a time, others when those are ready."""
        return await self.act("restart", select, {"roll": rolling}, wait=wait)

    async def scale(self, *select: str, replica: int, wait: float = 60.0) -> Operation:
        """Change how many replicas it has; those that stay are not touched."""
        return await self.act("scale", select, {"replica": replica}, wait=wait)

    async def run(self, *select: str, wait: float = 60.0) -> Operation:
        """Run it now, whatever its schedule says, and return when the run is over."""
        return await self.act("run", select, wait=wait)

    async def signal(self, *select: str, signal: str) -> Operation:
        """Send a signal ("HUP") to its processes."""
        return await self.act("signal", select, {"signal": signal}, wait=10.0)

    async def send_input(
        self, name: str, raw: bytes, *, eof: bool = False, wait: float = 5.0
    ) -> Sent:
        """Write to the standard input of a replica; its task has `stdin` "pipe", or a `tty`.

        `eof` closes it then.  What is not read within `wait` seconds is an ApiError (503).
        """
        return await self.send(ops.send_input(name, raw, eof=eof, wait=wait))

    async def enable(self, *select: str) -> Operation:
        """Let it start by itself and by its schedule again."""
        return await self.act("enable", select, wait=10.0)

    async def disable(self, *select: str) -> Operation:
        """Keep it from starting by itself or by its schedule."""
        return await self.act("disable", select, wait=10.0)

    async def remove(self, *select: str, wait: float = 60.0) -> Operation:
        """Stop it and forget it, and return when nothing of it is left alive."""
        return await self.act("delete", select, wait=wait)

    async def act(
        self,
        verb: str,
        select: Sequence[str],
        options: Mapping[str, Any] | None = None,
        *,
        wait: float,
    ) -> Operation:
        """Do what a verb says; the methods above are short for it."""
        end = asyncio.get_running_loop().time() + wait  # One deadline for all that this takes.
        first = ops.act(verb, parse(select), options or {}, min(wait, LONGEST_WAIT))
        return await self._wait_until(end, await self.send(first), wait)

    async def wait_for(self, operation: Operation, wait: float) -> Operation:
        """Return when the operation is over.  Raises OperationFailed, Unfinished."""
        end = asyncio.get_running_loop().time() + wait
        return await self._wait_until(end, operation, wait)

    async def _wait_until(self, end: float, operation: Operation, wait: float) -> Operation:
        while not is_over(operation) and (left := end - asyncio.get_running_loop().time()) > 0:
            operation = await self.send(ops.operation(operation.id, min(left, LONGEST_WAIT)))
        return check(operation, wait)

    # What was and what will be.

    async def runs(self, name: str, *, limit: int = 50, replica: int | None = None) -> list[Run]:
        """Return the last runs of a task, the newest first."""
        return (await self.send(ops.runs(name, limit, replica))).runs

    async def next_fires(
        self, cron: str, *, timezone: str | None = None, count: int = 5
    ) -> list[Fire]:
        """Return when a cron expression fires next.

        await proctor.next_fires("30 2 * * *", timezone="Europe/Riga")
        """
        return (await self.send(ops.next_fires(cron, timezone, count))).fires

    async def task_fires(self, name: str, *, count: int = 5) -> Fires:
        """Return when the schedule of a task fires next."""
        return await self.send(ops.task_fires(name, count))

    async def usage(self, name: str | None = None, *, pss: bool = False) -> Usage:
        """Return the CPU and memory that a task, or each, uses now; `pss` is dear."""
        return await self.send(ops.usage(name, pss=pss))

    async def logs(self, *select: str, **query: Any) -> AsyncIterator[LogLine]:
        """Yield what tasks wrote, interleaved in time order.

        `since`: wall seconds.  `grep`: a regular expression.  `run`: only this run.  `tail`: only
        the last so many lines.  `follow`: go on with what comes, of tasks that come later too, and
        through restarts of the manager.  `all`: also what earlier tasks of the same names wrote.

        async for line in proctor.logs("web*", tail=100, follow=True):
            print(line.task, line.text)
        """
        selection = parse(select)
        if any("," in value for value in selection.labels.values()):  # It separates them.
            selection = Selection(tuple(await self.names(select)))
        if query.get("follow"):
            stream = self._resumed(lambda at: ops.followed_logs(selection, query, at))
            async with aclosing(stream):
                async for message in stream:
                    yield read_log(message)
            return
        async for line in self.transport.lines(ops.logs(selection, query)):
            if line:
                yield read_line(line)

    async def _resumed(
        self, ask: Callable[[str], Call[bytes]], after: str = ""
    ) -> AsyncGenerator[Message, None]:
        """Yield the messages of a stream, asked for again behind the last one when it ends."""
        resumption = Resumption(after)
        while True:
            resumption.begin()
            broken: NotReachable | None = None
            try:
                async for line in self.transport.lines(ask(resumption.after)):
                    if message := resumption.feed(line):
                        yield message
            except NotReachable as error:
                broken = error
            await asyncio.sleep(resumption.pause(broken))

    async def events(
        self, *select: str, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[Event]:
        """Yield what happens; `after` is the id of the last event seen, to go on without a gap.

        It goes on through restarts of the manager, and ends after `limit` events.
        """
        names = await self.names(select)
        first = "" if after is None else str(after)
        count = 0
        stream = self._resumed(lambda at: ops.events(names, at, limit), first)
        async with aclosing(stream):
            async for message in stream:
                yield read_event(message)
                if (count := count + 1) == limit:
                    return

    async def names(self, select: Sequence[str]) -> list[str]:
        """Return the selectors without namespaces and labels, which are looked up."""
        selection = parse(select)
        if selection.namespaces or selection.labels:
            return names_of(await self.tasks(*select), select)
        return list(selection.tasks)

    # The service.

    async def info(self) -> Info:
        """Return what the service says of itself."""
        return await self.send(ops.info())

    async def health(self) -> Health:
        return await self.send(ops.health())

    async def graph(self) -> Graph:
        """Return the tasks and what each waits for."""
        return await self.send(ops.graph())

    async def reload(self, *, wait: float = 60.0) -> Info:
        """Start a new manager and keeper under the tasks, which go on: how one upgrades.

        Return what the new manager says of itself.  Raises Unfinished if the old one still answers.
        """
        before = await self.info()
        await self.send(ops.reload())
        end = asyncio.get_running_loop().time() + wait
        while (now := await self.info()).pid == before.pid:
            if asyncio.get_running_loop().time() >= end:
                raise Unfinished(f"not within {wait:g} s: the manager {now.pid} goes on")
            await asyncio.sleep(RETRY_PAUSE)
        return now

    async def shutdown(self) -> None:
        """Stop all tasks, then the service."""
        await self.send(ops.shutdown())

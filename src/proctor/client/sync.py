"""The client that waits where it is called."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from . import operations as ops
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
from .transport import RETRY_PAUSE, Transport

T = TypeVar("T")


class Client:
    """Talks to the service over one connection; not to be shared between threads.

        with Client() as proctor:
            proctor.put("web", {"type": "daemon", "cmd": "exec ./web", "replica": 2})
            proctor.restart("web", rolling=True)

    Without `url` and `token` the environment says where the service is: see `proctor.client`.
    `timeout` is for how many seconds an answer may be late, `patience` for how many a refused
    connection is tried again, where a service was a moment ago.  Every method raises NotReachable
    when nothing answers and ApiError when the service refuses.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 1.0,
    ) -> None:
        self.transport = Transport(discover(url, token), timeout, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        self.transport.close()

    def send(self, call: Call[T]) -> T:
        """Send any request, also one that has no method here."""
        status, body = self.transport.exchange(call)
        return decode(call, status, body)

    # Tasks.  A selector is a name, a replica ("web:0"), a glob ("web*"), "ns=shop" or
    # "label=tier=front"; several names mean all of these, namespaces and labels narrow them down.

    def tasks(self, *select: str) -> list[TaskSummary]:
        """Return the tasks that the selectors name; all without any.

        for task in proctor.tasks("web*", "label=tier=front"):
            print(task.name, task.state, task.reason)
        """
        selection = parse(select)
        found: list[TaskSummary] = []
        cursor = None
        while True:
            page = self.send(ops.tasks(selection, cursor))
            found += filter(selection.matches, page.tasks)
            if (cursor := page.next) is None:
                return found

    def task(self, name: str) -> Task:
        """Return one task with its replicas and its whole spec."""
        return self.send(ops.task(name))

    def create(self, name: str, fields: Mapping[str, Any]) -> PutResult:
        """Make a new task and start it.  ApiError with status 409 if the name is taken.

        proctor.create("job", {"type": "once", "cmd": ["echo", "hi"]})
        """
        return self.send(ops.create({"name": name, **fields}))

    def put(
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
        return self.send(ops.put(name, fields, dry_run=dry_run, roll=roll, source=source))

    def patch(
        self, name: str, fields: Mapping[str, Any], *, dry_run: bool = False, roll: bool = False
    ) -> PutResult:
        """Change the fields given and leave the others (RFC 7396: null takes one away)."""
        return self.send(ops.patch(name, fields, dry_run=dry_run, roll=roll))

    # Verbs.  They return when what is asked for is reached, and raise OperationFailed if it cannot
    # be, Unfinished if it is not within `wait` seconds (it goes on).  With wait=0 they return at
    # once.

    def start(self, *select: str, wait: float = 60.0) -> Operation:
        """Start what the selectors name, and return when it is up and ready, or has run."""
        return self.act("start", select, wait=wait)

    def stop(self, *select: str, wait: float = 60.0) -> Operation:
        """Stop it, and return when nothing of it is left alive."""
        return self.act("stop", select, wait=wait)

    def restart(self, *select: str, rolling: bool = False, wait: float = 60.0) -> Operation:
        """Stop and start it; `rolling`: a few replicas at a time, others when those are ready."""
        return self.act("restart", select, {"roll": rolling}, wait=wait)

    def scale(self, *select: str, replica: int, wait: float = 60.0) -> Operation:
        """Change how many replicas it has; those that stay are not touched."""
        return self.act("scale", select, {"replica": replica}, wait=wait)

    def run(self, *select: str, wait: float = 60.0) -> Operation:
        """Run it now, whatever its schedule says, and return when the run is over."""
        return self.act("run", select, wait=wait)

    def signal(self, *select: str, signal: str) -> Operation:
        """Send a signal ("HUP") to its processes."""
        return self.act("signal", select, {"signal": signal}, wait=10.0)

    def send_input(self, name: str, raw: bytes, *, eof: bool = False, wait: float = 5.0) -> Sent:
        """Write to the standard input of a replica; its task has `stdin` "pipe", or a `tty`.

        `eof` closes it then.  What is not read within `wait` seconds is an ApiError (503).
        """
        return self.send(ops.send_input(name, raw, eof=eof, wait=wait))

    def enable(self, *select: str) -> Operation:
        """Let it start by itself and by its schedule again."""
        return self.act("enable", select, wait=10.0)

    def disable(self, *select: str) -> Operation:
        """Keep it from starting by itself or by its schedule."""
        return self.act("disable", select, wait=10.0)

    def remove(self, *select: str, wait: float = 60.0) -> Operation:
        """Stop it and forget it, and return when nothing of it is left alive."""
        return self.act("delete", select, wait=wait)

    def act(
        self,
        verb: str,
        select: Sequence[str],
        options: Mapping[str, Any] | None = None,
        *,
        wait: float,
    ) -> Operation:
        """Do what a verb says; the methods above are short for it."""
        end = time.monotonic() + wait  # One deadline for all requests that this takes.
        first = ops.act(verb, parse(select), options or {}, min(wait, LONGEST_WAIT))
        return self._wait_until(end, self.send(first), wait)

    def wait_for(self, operation: Operation, wait: float) -> Operation:
        """Return when the operation is over.  Raises OperationFailed, Unfinished."""
        return self._wait_until(time.monotonic() + wait, operation, wait)

    def _wait_until(self, end: float, operation: Operation, wait: float) -> Operation:
        while not is_over(operation) and (left := end - time.monotonic()) > 0:
            operation = self.send(ops.operation(operation.id, min(left, LONGEST_WAIT)))
        return check(operation, wait)

    # What was and what will be.

    def runs(self, name: str, *, limit: int = 50, replica: int | None = None) -> list[Run]:
        """Return the last runs of a task, the newest first."""
        return self.send(ops.runs(name, limit, replica)).runs

    def next_fires(self, cron: str, *, timezone: str | None = None, count: int = 5) -> list[Fire]:
        """Return when a cron expression fires next.

        proctor.next_fires("30 2 * * *", timezone="Europe/Riga")
        """
        return self.send(ops.next_fires(cron, timezone, count)).fires

    def task_fires(self, name: str, *, count: int = 5) -> Fires:
        """Return when the schedule of a task fires next."""
        return self.send(ops.task_fires(name, count))

    def usage(self, name: str | None = None, *, pss: bool = False) -> Usage:
        """Return the CPU and memory that a task, or each, uses now; `pss` is dear."""
        return self.send(ops.usage(name, pss=pss))

    def logs(self, *select: str, **query: Any) -> Iterator[LogLine]:
        """Yield what tasks wrote, interleaved in time order.

        `since`: wall seconds.  `grep`: a regular expression.  `run`: only this run.  `tail`: only
        the last so many lines.  `follow`: go on with what comes, of tasks that come later too, and
        through restarts of the manager.  `all`: also what earlier tasks of the same names wrote.

        for line in proctor.logs("web*", tail=100, follow=True):
            print(line.task, line.text)
        """
        selection = parse(select)
        if any("," in value for value in selection.labels.values()):  # It separates them.
            selection = Selection(tuple(self.names(select)))
        if query.get("follow"):
            for message in self._resumed(lambda at: ops.followed_logs(selection, query, at)):
                yield read_log(message)
            return
        for line in self.transport.lines(ops.logs(selection, query)):
            if line:
                yield read_line(line)

    def _resumed(self, ask: Callable[[str], Call[bytes]], after: str = "") -> Iterator[Message]:
        """Yield the messages of a stream, asked for again behind the last one when it ends."""
        resumption = Resumption(after)
        while True:
            resumption.begin()
            broken: NotReachable | None = None
            try:
                for line in self.transport.lines(ask(resumption.after)):
                    if message := resumption.feed(line):
                        yield message
            except NotReachable as error:
                broken = error
            time.sleep(resumption.pause(broken))

    def events(
        self, *select: str, after: int | None = None, limit: int | None = None
    ) -> Iterator[Event]:
        """Yield what happens; `after` is the id of the last event seen, to go on without a gap.

        It goes on through restarts of the manager, and ends after `limit` events.
        """
        names = self.names(select)
        first = "" if after is None else str(after)
        stream = self._resumed(lambda at: ops.events(names, at, limit), first)
        for count, message in enumerate(stream, 1):
            yield read_event(message)
            if count == limit:
                return

    def names(self, select: Sequence[str]) -> list[str]:
        """Return the selectors without namespaces and labels, which are looked up."""
        selection = parse(select)
        if selection.namespaces or selection.labels:
            return names_of(self.tasks(*select), select)
        return list(selection.tasks)

    # The service.

    def info(self) -> Info:
        """Return what the service says of itself."""
        return self.send(ops.info())

    def health(self) -> Health:
        return self.send(ops.health())

    def graph(self) -> Graph:
        """Return the tasks and what each waits for."""
        return self.send(ops.graph())

    def reload(self, *, wait: float = 60.0) -> Info:
        """Start a new manager and keeper under the tasks, which go on: how one upgrades.

        Return what the new manager says of itself.  Raises Unfinished if the old one still answers.
        """
        before = self.info()
        self.send(ops.reload())
        end = time.monotonic() + wait
        while (now := self.info()).pid == before.pid:
            if time.monotonic() >= end:
                raise Unfinished(f"not within {wait:g} s: the manager {now.pid} goes on")
            time.sleep(RETRY_PAUSE)
        return now

    def shutdown(self) -> None:
        """Stop all tasks, then the service."""
        self.send(ops.shutdown())

"""The input of a task's processes: POST /v1/tasks/{name}/stdin."""

from __future__ import annotations

from proctor.core.errors import BadSpec, NoInput, NotSupported
from proctor.core.hosts import is_internal
from proctor.core.model import Replica
from proctor.core.world import World

from .errors import Problem, Refused
from .oapi import Call
from .ports import ConsolePort
from .reply import Reply, json_reply
from .schemas.console import InputQuery, InputResponse
from .selectors import is_glob, know, select_one


class Input:
    """The handler; `console` is None where there are no processes."""

    def __init__(self, world: World, console: ConsolePort | None) -> None:
        self._world = world
        self._console = console

    async def send(self, call: Call[InputQuery, bytes]) -> Reply:
        """Write the body to the process; what it does not take in time is not sent later."""
        query = call.query
        r = running(self._world, call.path["name"], query.replica)
        console = connected(self._console)
        found = console.inputs.of(r.run)
        if found is None:
            raise NoInput(_why_none(self._world, r), field="name")
        try:
            written = await found.write(call.body, query.wait)
        except OSError:
            raise NoInput(f"{r.id} reads no input any more", field="name") from None
        if written < len(call.body):
            raise Refused(_full(r, written, len(call.body), query.wait))
        if query.eof:
            await _end(console, r, query.wait)
        return json_reply(InputResponse(str(r.id), r.run, written, query.eof))


async def _end(console: ConsolePort, r: Replica, wait: float) -> None:
    terminal = console.inputs.terminal(r.run)
    found = console.inputs.of(r.run)
    if terminal is None:
        console.inputs.close(r.run)
    elif found is not None:
        await found.write(b"\x04", wait)


def running(world: World, name: str, index: int | None) -> Replica:
    """Return the replica that `name`, or `web:0`, and the index mean, which has to run.

    Raises UnknownTask, BadSpec, NoInput.
    """
    found = one_of(world, name, index)
    if found.pid is None:
        raise NoInput(f"{found.id} does not run", field="name")
    return found


def one_of(world: World, name: str, index: int | None) -> Replica:
    """Return the replica that is meant.  Raises UnknownTask, BadSpec if there are several."""
    if is_glob(name) or is_internal(name):
        know(world, name)
    selector = name if index is None or ":" in name else f"{name}:{index}"
    ids = [id for ids in select_one(world, selector).values() for id in ids]
    if len(ids) != 1:
        which = f": say which, as {name}:0" if ids else ""
        raise BadSpec(f"{name} has {len(ids)} replicas{which}", field="replica")
    return world.replicas[ids[0]]


def connected(console: ConsolePort | None) -> ConsolePort:
    if console is None:
        raise NotSupported("this service has no processes")
    return console


def _why_none(world: World, r: Replica) -> str:
    spec = world.spec_of(r)
    if spec.stdin != "pipe" and not spec.tty:
        return f"{r.id} has no input to send to: it needs `stdin` pipe, or `tty`"
    return f"the input of {r.id} is closed"


def _full(r: Replica, written: int, size: int, wait: float) -> Problem:
    return Problem(
        503,
        f"{r.id} did not take all of it within {wait:g} s: {written} of {size} bytes are written",
        code="input_full",
        written=written,
    )

"""Terminals over WebSockets: /attach to a replica's own, /exec for a command beside it.

Bytes are what is typed and shown; texts are JSON: see schemas/console.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from proctor.core.errors import NoInput
from proctor.core.world import World

from .console import Input, connected, one_of, running
from .errors import PROBLEM_JSON, Problem, ProblemDetails, Refused, problem_details
from .oapi import Call, Group, Nothing, Operation
from .ports import ConsolePort, InputPort, SessionPort, TerminalPort
from .reply import Disconnected
from .schemas.console import (
    AttachQuery,
    EndNotice,
    ExecRequest,
    InputQuery,
    InputResponse,
    Notice,
)
from .websocket import TRY_LATER, SocketRoute, WebSocket

T = TypeVar("T")
HANDSHAKE = 30.0
"""Seconds that a client has to say what is to be run."""
TYPED = 30.0
"""Seconds that what is typed waits for a process to read it."""


class Attach:
    """The handlers."""

    def __init__(self, world: World, console: ConsolePort | None) -> None:
        self._world = world
        self._console = console

    async def attach(self, call: Call[AttachQuery, Nothing], socket: WebSocket) -> None:
        """Show the replica's terminal, its last bytes first, and pass on what is typed."""
        console = connected(self._console)
        r = running(self._world, call.path["name"], call.query.replica)
        terminal, input = console.inputs.terminal(r.run), console.inputs.of(r.run)
        if terminal is None or input is None:
            raise NoInput(f"{r.id} has no terminal to attach to: it needs `tty`", field="name")
        await socket.accept()
        showing = self._show(terminal, socket)
        await first_of(showing, _typed(socket, input, terminal.resize, lambda: None), call.stopping)

    async def _show(self, terminal: TerminalPort, socket: WebSocket) -> None:
        viewer = terminal.view()
        try:
            while (data := await viewer.chunk()) is not None:
                await socket.send(data)
            if viewer.too_slow:
                await socket.close(TRY_LATER, "too slow")
            else:
                await socket.close(reason="it has ended")
        finally:
            terminal.leave(viewer)

    async def run(self, call: Call[AttachQuery, Nothing], socket: WebSocket) -> None:
        """Run a command as the replica runs; it ends with the client."""
        console = connected(self._console)
        r = one_of(self._world, call.path["name"], call.query.replica)
        await socket.accept()
        wanted = await _first_message(socket)
        spec = self._world.spec_of(r)
        session = await console.begin_session(
            spec, r.id.index, r.run, tuple(wanted.cmd), wanted.size
        )
        try:
            typed = self._type(session, socket)
            await first_of(self._follow(session, socket), typed, call.stopping)
        finally:
            console.end_session(session)

    async def _follow(self, session: SessionPort, socket: WebSocket) -> None:
        while data := await session.read():
            await socket.send(data)
        exit = await session.exit
        end = EndNotice(exit.code, exit.signal, exit.error)
        await socket.send(msgspec.json.encode(end).decode())
        await socket.close()

    async def _type(self, session: SessionPort, socket: WebSocket) -> None:
        if session.input is None:  # It could not be started.
            await socket.wait_gone()
            return
        await _typed(socket, session.input, session.resize, session.close_input)


async def _typed(
    socket: WebSocket,
    input: InputPort,
    resize: Callable[[int, int], None],
    close: Callable[[], None],
) -> None:
    """Pass on what the client sends, until it is gone."""
    while (message := await socket.receive()) is not None:
        if isinstance(message, bytes):
            try:
                await input.write(message, TYPED)
            except OSError:
                continue  # It has ended, or does not want any more; its output tells.
        else:
            notice = _decoded(message, Notice)
            if notice.size is not None:
                resize(*notice.size)
            if notice.eof:
                close()


async def _first_message(socket: WebSocket) -> ExecRequest:
    try:
        async with asyncio.timeout(HANDSHAKE):
            message = await socket.receive()
    except TimeoutError:
        raise Refused(Problem(408, "nothing was said about what to run")) from None
    if message is None:
        raise Disconnected
    return _decoded(message, ExecRequest)


def _decoded(message: str | bytes, type: type[T]) -> T:
    try:
        return msgspec.json.decode(message, type=type)
    except msgspec.MsgspecError as error:
        raise Refused(Problem(400, f"the message is not what was expected: {error}")) from None


async def first_of(
    showing: Awaitable[None], typing: Awaitable[None], stopping: asyncio.Event | None
) -> None:
    """Do both until one is done, or the service ends; the other one is given up."""
    tasks = [asyncio.ensure_future(one) for one in (showing, typing)]
    if stopping is not None:
        tasks.append(asyncio.ensure_future(_until(stopping)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def group(world: World, console: ConsolePort | None) -> Group:
    """Return what there is for the processes' inputs and terminals."""
    attach = Attach(world, console)
    name = {"name": "The task's name, or that of a replica: `web:0`."}
    send: Operation[InputQuery, bytes] = Operation(
        method="POST",
        path="/v1/tasks/{name}/stdin",
        id="send_input",
        tag="tasks",
        summary="Write the body to the standard input of a replica",
        description="For tasks whose `stdin` is pipe, or that have a `tty`.",
        handler=Input(world, console).send,
        query=InputQuery,
        body=bytes,
        returns=InputResponse,
        answer={"alias": "game:0", "run": 7, "written": 10, "closed": False},
        places=name,
        errors={
            404: "There is no such task.",
            409: "It does not run, or has no input to write to.",
            503: "It did not read all of it in time; `written` says how much it has.",
        },
    )
    routes: tuple[SocketRoute[AttachQuery], ...] = (
        SocketRoute(
            path="/v1/tasks/{name}/attach",
            id="attach",
            summary="See and use the terminal of a replica that has a `tty`",
            handler=attach.attach,
            query=AttachQuery,
        ),
        SocketRoute(
            path="/v1/tasks/{name}/exec",
            id="exec",
            summary="Run a command as the replica runs, and see and use what it says",
            handler=attach.run,
            query=AttachQuery,
        ),
    )
    dialect = PROBLEM_JSON[1].decode()
    return Group((send,), problem_details, ProblemDetails, dialect, sockets=routes)

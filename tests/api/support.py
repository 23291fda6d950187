"""A real server in a thread, on a free port and a unix socket, and small ways to talk to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from proctor.api.app import ApiSettings, build_app
from proctor.api.connection import ConnectionLimits
from proctor.api.reply import App
from proctor.api.server import HttpServer
from proctor.core.errors import DependencyCycle, TaskExists, UnknownTask
from proctor.core.graph import find_cycle
from proctor.core.spec import Spec, TaskType
from proctor.core.views import Listing, RunningRow, TaskRow
from proctor.core.world import World
from proctor.testing import never

T = TypeVar("T")
GENEROUS = 30.0


async def no_disk() -> None:
    """Nothing is ever on it."""


class MemoryManager:
    """Keeps tasks in a dict; every replica of a daemon "runs".  Removal ends when told to.

    It is all that /proc needs; for /v1 its world is empty.
    """

    def __init__(self) -> None:
        self.version = 0
        self.world = World(never)
        self.store = None
        self.records = SimpleNamespace(on_disk=no_disk)
        self.history = SimpleNamespace(listen=lambda listener: None)
        self.specs: dict[str, Spec] = {}
        self.restarted: list[str] = []
        self.removing: set[str] = set()
        self.hold_removals = False
        self.listings = 0
        self._changed = asyncio.Event()

    def submit(self, spec: Spec, *, actor: str) -> None:
        if spec.name in self.specs:
            raise TaskExists(f"task `{spec.name}` exists", field="name")
        known = {**self.specs, spec.name: spec}
        cycle = find_cycle(lambda n: known[n].dep_names if n in known else (), spec.name)
        if cycle is not None:
            raise DependencyCycle("dependencies form a cycle: " + " -> ".join(cycle), field="deps")
        self.specs = known
        self._touch()

    def restart(self, name: str, *, actor: str) -> None:
        self._know(name)
        self.restarted.append(name)
        self._touch()

    def remove(self, name: str, *, actor: str) -> None:
        self._know(name)
        self.removing.add(name)
        if not self.hold_removals:
            self.finish_removals()

    def finish_removals(self) -> None:
        for name in self.removing:
            self.specs.pop(name, None)
        self.removing = set()
        self._touch()

    async def wait_removed(self, name: str) -> None:
        while name in self.specs:
            self._changed.clear()
            await self._changed.wait()

    def first_run(self, name: str) -> int:
        return 0

    def has_task(self, name: str) -> bool:
        return name in self.specs

    def listing(self) -> Listing:
        self.listings += 1
        running = [
            RunningRow(s.cmd, 1000 + i, f"{s.name}:{i}")
            for s in self.specs.values()
            if s.type is TaskType.DAEMON
            for i in range(s.replicas)
        ]
        return Listing(running, [_row(s) for s in self.specs.values()])

    def _know(self, name: str) -> None:
        if name not in self.specs:
            raise UnknownTask(f"there is no task `{name}`", field="name")

    def _touch(self) -> None:
        self.version += 1
        self._changed.set()


def _row(spec: Spec) -> TaskRow:
    lives = spec.type is TaskType.DAEMON
    return TaskRow(
        name=spec.name,
        cmd=spec.cmd,
        type=spec.type.value,
        replica=spec.replicas,
        user=spec.user,
        deps=list(spec.dep_names),
        interval=spec.interval,
        last_time=1_699_958_864 if lives else None,
        run_flag=not lives,
        start_time=1_699_958_864,
        running=spec.replicas if lives else 0,
        group=spec.group,
        cron=spec.schedule.cron,
    )


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """The server's thread as its tests see it."""

    def __init__(
        self,
        make_app: Callable[[Any], App],
        unix: Path,
        limits: ConnectionLimits | None = None,
        make_manager: Callable[[], Any] = MemoryManager,
    ) -> None:
        self.unix = unix
        self.manager: Any
        self._make_manager = make_manager
        self.port: int
        self._make_app = make_app
        self._limits = limits or ConnectionLimits()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self.manager = self._make_manager()
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(self.unix))
        self.server = HttpServer(self._make_app(self.manager), [tcp, unix], self._limits)
        await self.server.start()
        self._ready.set()
        await self._end.wait()
        await self.server.stop(grace=0.5)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(GENEROUS)

    def stop(self) -> None:
        """Stop the server and wait for its end; nothing happens if it has ended."""
        with suppress(RuntimeError):  # The loop is closed: its thread ends just now.
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self.begin_stop)
        self._thread.join(GENEROUS)
        assert not self._thread.is_alive()

    def begin_stop(self) -> None:
        """Tell the server to stop; for its thread."""
        self._end.set()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(GENEROUS)

    def call(self, function: Callable[[], T]) -> T:
        async def in_loop() -> T:
            return function()

        return self.run(in_loop())

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request; `body` is sent as JSON unless it is bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GENEROUS)
        try:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, content, dict(headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def post(self, body: object) -> Response:
        return self.request("POST", "/proc", body)

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=GENEROUS) as sock:
            yield sock

    @contextmanager
    def connect_unix(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(GENEROUS)
            sock.connect(str(self.unix))
            yield sock

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are; return all that comes until the server closes."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def task(**changes: object) -> dict[str, object]:
    """A body that POST /proc takes, with changes; None takes a field away."""
    body: dict[str, object] = {"name": "task1", "type": "once", "cmd": "sleep 5", "replica": 2}
    body |= changes
    return body


@contextmanager
def running(
    tmp_path: Path,
    check_account: Callable[[Spec], object] | None = None,
    limits: ConnectionLimits | None = None,
    **settings: Any,
) -> Iterator[Running]:
    """A server with an empty MemoryManager."""
    api = ApiSettings(**{"log_root": tmp_path / "logs", **settings})

    def make_app(manager: MemoryManager) -> App:
        return build_app(manager, api, check_account or (lambda spec: None))

    server = Running(make_app, tmp_path / "socket", limits)
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""A real `proctor serve`, and what tests ask of it.

Nothing here sleeps where there is something to wait for: the service's own log lines are events,
and `until` polls only what nobody announces.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

RLIMIT_LOCKS = 10
PATIENCE = 30.0
T = TypeVar("T")
Line = dict[str, Any]


def until(predicate: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := predicate()):
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.01)
    return answer


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def start_ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text("latin-1")
    return int(stat.rpartition(")")[2].split()[19])


def parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text("latin-1")
    return int(stat.rpartition(")")[2].split()[1])


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def birth_mark(pid: int) -> int:
    try:
        return max(0, resource.prlimit(pid, RLIMIT_LOCKS)[0])  # -1: unlimited, so no mark.
    except OSError:
        return 0


def read_pid(path: Path) -> int | None:
    """Return the pid that a task wrote there, with its newline, if it did."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    return int(text) if text.endswith("\n") else None


def nobody_at_the_default_port() -> None:
    """Skip where a service listens on the default port: the client would find that one."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8606)) == 0:
            pytest.skip("a service listens on the default port here")


class Answer:
    """`body` is the decoded JSON, or the text if it is none."""

    def __init__(self, status: int, headers: dict[str, str], raw: bytes) -> None:
        self.status = status
        self.headers = headers
        self.raw = raw
        try:
            self.body: Any = json.loads(raw)
        except ValueError:
            self.body = raw.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"{self.status} {self.raw[:300]!r}"


class Service:
    """One instance: a state directory, and one service after another on it.

    Every process of it is known by the environment variable PROCTOR_TEST_SERVICE, and, which
    holds for tasks that clear their environment too, by its birth mark.
    """

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.state_dir = folder
        self.arguments = list(arguments)
        self.env = env or {}
        self.token: str | None = None
        self.may_log_tracebacks = False
        self.lines: list[Line] = []
        self.text: list[str] = []
        self._news = threading.Condition()
        self._tag = uuid.uuid4().hex
        self._mark_base = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self.port = 0

    # Its life.

    def start(self, *arguments: str, prefix: Sequence[str] = ()) -> Service:
        """Start it, and return when it listens."""
        seen = len(self.lines)
        self.spawn(*arguments, prefix=prefix)
        line = self.wait_line(
            lambda line: line["event"] == "listening" and line["url"].startswith("http"), seen
        )
        self.port = int(line["url"].rpartition(":")[2])
        self._mark_base = self.mark_base
        return self

    def spawn(self, *arguments: str, prefix: Sequence[str] = (), **options: Any) -> None:
        """Start it, and return at once."""
        argv = [*prefix, sys.executable, "-m", "proctor", "serve", "--state-dir"]
        argv += [str(self.state_dir), "--port", "0", *self.arguments, *arguments]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | options
        self._process = subprocess.Popen(
            argv, stderr=subprocess.PIPE, env=self.environment(), **options
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def environment(self) -> dict[str, str]:
        ours = {k: v for k, v in os.environ.items() if not k.startswith("PROCTOR_")}
        return ours | {"PROCTOR_TEST_SERVICE": self._tag} | self.env

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for raw in process.stderr:
                text = raw.decode("utf-8", "replace").rstrip("\n")
                try:
                    line = json.loads(text)
                except ValueError:
                    line = {"event": "", "text": text}
                with self._news:
                    self.text.append(text)
                    self.lines.append(line)
                    self._news.notify_all()

    @property
    def keeper_pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def manager_pid(self) -> int:
        """Return the manager's pid, once there is one; it may not have said anything yet."""
        return until(self.living_manager)

    def living_manager(self) -> int:
        """Return the pid of the manager that lives now and may not have said anything yet, or 0."""
        folder = Path(f"/proc/{self.keeper_pid}/task/{self.keeper_pid}")
        for pid in map(int, (folder / "children").read_text().split()):
            if not birth_mark(pid) >> 32 and alive(pid):
                return pid
        return 0

    def kill_manager(self, number: int = signal.SIGKILL) -> int:
        """Kill it, and return its pid; it may be that another lives before this returns."""
        pid = self.manager_pid()
        os.kill(pid, number)
        return pid

    def kill_keeper(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return the exit status of the service, its last lines read."""
        assert self._process is not None
        status = self._process.wait(seconds)
        until(lambda: not self.managers())
        if not self.survivors():
            assert self._reader is not None
            self._reader.join(seconds)
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    @property
    def stopped(self) -> bool:
        return self._process is None or self._process.poll() is not None

    # What it says.

    def events(self, event: str) -> list[Line]:
        with self._news:
            return [line for line in self.lines if line["event"] == event]

    def wait_line(
        self, found: Callable[[Line], object], since: int = 0, seconds: float = PATIENCE
    ) -> Line:
        """Return the first line that is `found`, of those from number `since` on."""

        def look() -> Line | None:
            return next((line for line in self.lines[since:] if found(line)), None)

        def ready() -> bool:
            return look() is not None or self._ended()

        with self._news:
            self._news.wait_for(ready, seconds)
            line = look()
        assert line is not None, "\n".join(self.text)
        return line

    def _ended(self) -> bool:
        return self._reader is not None and not self._reader.is_alive()

    def wait_event(self, event: str, count: int = 1, **fields: object) -> Line:
        """Return the `count`th line of that event with those fields."""
        wanted = {"event": event, **fields}.items()
        left = count

        def found(line: Line) -> bool:
            nonlocal left
            left -= wanted <= {k: v for k, v in line.items() if isinstance(v, str | int)}.items()
            return left == 0

        def counted(line: Line) -> bool:
            return found(line)

        with self._news:
            end = time.monotonic() + PATIENCE
            while True:
                left = count
                line = next((line for line in self.lines if counted(line)), None)
                if line is not None:
                    return line
                assert self._news.wait(max(0.0, end - time.monotonic())), "\n".join(self.text)

    # HTTP.

    def request(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as c:
            return self._exchange(c, method, path, body, headers or {})

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        headers: dict[str, str],
    ) -> Answer:
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    def wait_generation(self, number: int) -> None:
        """Wait until the manager of that number answers."""

        def answers() -> bool:
            try:
                return bool(self.request("GET", "/v1/info").body["generation"] == number)
            except (OSError, http.client.HTTPException):
                return False  # The one before is going.

        until(answers)

    def request_unix(self, path: Path, method: str, target: str, body: object = None) -> Answer:
        with closing(http.client.HTTPConnection("localhost", timeout=PATIENCE)) as connection:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(str(path))
            return self._exchange(connection, method, target, body, {})

    def post(
        self, name: str, cmd: str, type: str = "once", replica: int = 1, **more: Any
    ) -> Answer:
        body = {"name": name, "type": type, "cmd": cmd, "replica": replica, **more}
        return self.request("POST", "/proc", body)

    def must_post(
        self, name: str, cmd: str, type: str = "once", replica: int = 1, **more: Any
    ) -> None:
        answer = self.post(name, cmd, type, replica, **more)
        assert answer.status == 200, answer

    def put(self, name: str) -> Answer:
        return self.request("PUT", f"/proc?name={quote(name)}")

    def delete(self, name: str, more: str = "") -> Answer:
        return self.request("DELETE", f"/proc?name={quote(name)}{more}")

    def get(self) -> Any:
        """Return the data of the listing."""
        answer = self.request("GET", "/proc")
        assert answer.status == 200, answer
        return answer.body["data"]

    def tasks(self) -> dict[str, Any]:
        tasks: dict[str, Any] = self.get()["tasks"]
        return tasks

    def running(self, name: str) -> list[int]:
        """Return the pids of the live replicas of a task, by replica."""
        entries = [e for e in self.get()["running"] if e["alias"].rpartition(":")[0] == name]
        entries.sort(key=lambda e: int(e["alias"].rpartition(":")[2]))
        return [e["pid"] for e in entries]

    def wait_running(self, name: str, count: int = 1) -> list[int]:
        return until(lambda: pids if len(pids := self.running(name)) == count else None)

    def output(self, name: str) -> dict[str, bytes]:
        """Return what the replicas wrote so far, by alias."""
        answer = self.request("GET", f"/proc/output?name={quote(name)}")
        assert answer.status == 200, answer
        return {alias: b64decode(text) for alias, text in answer.body["data"].items()}

    # What it keeps.

    @property
    def db(self) -> Path:
        return self.state_dir / "proctor.db"

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(sql, values).fetchall()

    @property
    def mark_base(self) -> int:
        return int(self.query("SELECT value FROM meta WHERE key = 'mark_base'")[0][0])

    def ends(self, task: str) -> list[tuple[int, int | None, int | None, str | None]]:
        """Return (replica, code, signal, error) of each run of a task that is over, in order."""
        return self.query(
            'SELECT "index", code, signal, error FROM run'
            " WHERE task = ? AND ended IS NOT NULL ORDER BY run",
            task,
        )

    def wait_ends(self, task: str, count: int = 1) -> list[tuple[int, Any, Any, Any]]:
        return until(lambda: ends if len(ends := self.ends(task)) >= count else None)

    def wait_idle(self) -> None:
        """Wait until every run is over and its end on record."""
        until(lambda: not self.query("SELECT 1 FROM run WHERE ended IS NULL LIMIT 1"))

    def segments(self, task: str, replica: int = 0) -> bytes:
        """Return what is on file of a replica's output."""
        folder = self.state_dir / "logs" / task / str(replica)
        return b"".join(path.read_bytes() for path in sorted(folder.glob("*.log")))

    # What of it is alive.

    def processes(self) -> list[int]:
        """Return every process of every task of this instance, by birth mark."""
        return list(self._marks())

    def processes_by_run(self) -> Counter[int]:
        """Return how many processes each run has."""
        return Counter(mark & 0xFFFFFFFF for mark in self._marks().values())

    def _marks(self) -> dict[int, int]:
        """Return the birth mark of each process; read once, for it may be gone at any time."""
        base = self._mark_base >> 32
        marks = {pid: birth_mark(pid) for pid in pids()} if base else {}
        return {pid: mark for pid, mark in marks.items() if mark >> 32 == base and alive(pid)}

    def managers(self) -> list[int]:
        return [pid for pid in self._tagged() if birth_mark(pid) >> 32 == 0 and alive(pid)]

    def survivors(self) -> list[int]:
        """Return all that is alive: keepers, managers, and everything tasks started."""
        return sorted({*self._tagged(), *self.processes()})

    def _tagged(self) -> list[int]:
        mine = f"PROCTOR_TEST_SERVICE={self._tag}".encode()
        found = []
        for pid in pids():
            try:
                environ = Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            if mine in environ.split(b"\0") and alive(pid):
                found.append(pid)
        return found

    def kill_survivors(self) -> list[str]:
        """Kill what is alive; returns what it was."""
        found = {}
        while left := self.survivors():
            for pid in left:
                try:
                    cmd = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                    found[pid] = f"{pid} {cmd[:200].decode('utf-8', 'replace')}"
                    os.kill(pid, signal.SIGKILL)
                except (FileNotFoundError, ProcessLookupError):
                    continue
            if self._process is not None:
                self._process.poll()
        return list(found.values())


def counter(pause: float = 0.005) -> str:
    """Return a command that prints 0, 1, 2 ... a line each; at SIGTERM it prints "end" and ends."""
    code = (
        "import itertools, os, signal, sys, time\n"
        "over = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: over.append(1))\n"
        "for n in itertools.count():\n"
        "    if over: break\n"
        "    os.write(1, b'%d\\n' % n)\n"
        f"    time.sleep({pause})\n"
        "os.write(1, b'end\\n')\n"
    )
    return f'exec {sys.executable} -I -S -c "{code}"'


def counted(output: bytes) -> int:
    """Return how far a counter got; fails if a byte is missing, doubled or out of place."""
    lines = output.decode().splitlines(keepends=True)
    if lines and lines[-1] == "end\n":
        lines.pop()
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    wrong = next((n for n, line in enumerate(lines) if line != f"{n}\n"), None)
    assert wrong is None, (wrong, lines[max(0, wrong - 3) : wrong + 3])
    return len(lines)

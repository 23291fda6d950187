"""What the tests of keeper and engine share: a real keeper, driven from the test itself.

The keeper's manager is a process of its own; here it is `bridge.py`, which passes the keeper's
socket to the test through a Unix socket and then only waits to be killed.  So the test is the
manager as far as the keeper can tell, and can die as one.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from proctor.keeper import command, tree
from proctor.keeper.link import Link
from proctor.keeper.protocol import VERSION, Frame

DEADLINE = 30.0
BASE = int.from_bytes(os.urandom(4), "big") >> 1 << 32
BRIDGE = str(Path(__file__).with_name("bridge.py"))
T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """Return what `look` returns once it is true."""
    end = time.monotonic() + DEADLINE
    while not (found := look()):
        assert time.monotonic() < end, f"no {what} within {DEADLINE} s"
        time.sleep(0.002)
    return found


def marked(mark: int) -> list[int]:
    """Return the living processes that carry a birth mark or, in their environment, its marker."""
    return tree.marked(mark)


class Talk:
    """One manager's talk with the keeper: says frames, and waits for what the keeper says."""

    def __init__(self, link: Link, bridge: int) -> None:
        self.link = link
        self.bridge = bridge  # The pid of what the keeper thinks is its manager.
        self.heard: list[Frame] = []
        self.output: dict[int, int] = {}
        self.kept: dict[str, int] = {}

    def say(self, op: str, fds: tuple[int, ...] = (), **rest: Any) -> None:
        self.link.send({"op": op, **rest}, fds)
        wait_for("room in the socket", self.link.flush)

    def listen(self) -> None:
        """Take in what there is."""
        while not self.link.closed and self.link.readable():
            for frame, fds in self.link.receive():
                self.heard.append(frame)
                for fd in fds:
                    if "run" in frame:
                        self.output[frame["run"]] = fd
                    else:
                        self.kept[frame["name"]] = fd

    def wait(self, op: str, run: int | None = None) -> Frame:
        """Return the first frame of that kind (about that run), waiting for it."""

        def look() -> Frame | None:
            self.listen()
            return next(
                (f for f in self.heard if f["op"] == op and run in (None, f.get("run"))), None
            )

        return wait_for(f"{op} of run {run}", look)

    def hello(self) -> Frame:
        self.say("hello", version=VERSION)
        return self.wait("ready")

    def spawn(self, run: int, *argv: str, **rest: Any) -> int:
        """Start a run; returns its pid."""
        self.say("spawn", **order(run, *argv, **rest))
        pid: int = self.wait("spawned", run)["pid"]
        return pid

    def read(self, run: int) -> bytes:
        """Return the run's output up to its end."""
        data = b""
        os.set_blocking(self.output[run], True)
        while part := os.read(self.output[run], 1 << 16):
            data += part
        return data

    def run(self, run: int, *argv: str, **rest: Any) -> tuple[int, bytes]:
        """Run to the end; returns (wait status, output)."""
        self.spawn(run, *argv, **rest)
        output = self.read(run)
        return self.wait("exited", run)["status"], output

    def shell(self, run: int, script: str, **rest: Any) -> str:
        """Return the output of a shell script."""
        return self.run(run, "/bin/sh", "-c", script, **rest)[1].decode()

    def close(self) -> None:
        for fd in [*self.link.close(), *self.output.values(), *self.kept.values()]:
            os.close(fd)
        self.output.clear()
        self.kept.clear()


def order(run: int, *argv: str, **rest: Any) -> dict[str, Any]:
    """Return a `spawn` frame's fields, everything left as the keeper has it but for `rest`."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "PROCTOR_MARK": str(BASE | run)}
    plain: dict[str, Any] = {"cwd": None, "umask": None, "nice": None, "rlimits": [], "user": None}
    fixed = {"run": run, "mark": BASE | run, "argv": list(argv)}
    return {**fixed, **plain, **rest, "env": env | rest.get("env", {})}


class KeeperProcess:
    """A keeper with the socket on which its managers report to the test."""

    def __init__(self, folder: Path, *before: str) -> None:
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = str(folder / "door")
        self.door.bind(path)
        self.door.listen()
        self.door.settimeout(DEADLINE)
        self.log = folder / "keeper.log"
        argv = [*before, *command([sys.executable, "-I", "-S", BRIDGE, path])]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log)
        self.talks: list[Talk] = []

    def manager(self) -> Talk:
        """Return the talk of the next manager that the keeper starts; hello is not said yet."""
        call, _ = self.door.accept()
        with call:
            call.settimeout(DEADLINE)
            pid, fds, _flags, _from = socket.recv_fds(call, 32, 1)
        talk = Talk(Link(socket.socket(fileno=fds[0])), int(pid))
        self.talks.append(talk)
        return talk

    def end(self) -> None:
        """Have it kill everything, and wait until it is gone."""
        try:
            self.abandon()
        finally:
            self.process.kill()
            self.process.wait()
            for talk in self.talks:
                talk.close()
            self.door.close()

    def abandon(self) -> int:
        """Ask it to end, again and again as signals sent together count once; returns its status.

        The third time it no longer relies on its manager.
        """
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.log.read_text()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                pass
        return self.process.returncode


@contextmanager
def running(folder: Path, *before: str) -> Iterator[KeeperProcess]:
    """A keeper, started by the command `before` if given, that ends with the block."""
    keeper = KeeperProcess(folder, *before)
    try:
        yield keeper
    finally:
        keeper.end()

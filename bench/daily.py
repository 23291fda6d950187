"""What is used every day and only Proctor has: the command line, events, metrics."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator

from proctor_system import Proctor
from rows import Kind, Row, Values
from systems import CannotDo, Load, a_place, running
from tools import OURS, Watch, median_of, monotonic, request

READERS = 100
PATIENCE = 40.0

DAILY_ROWS = (
    Row("ls", "`proctor ls` with 500 tasks, p50", "ms", 150),
    Row("fanout", "something happens -> the last of 100 readers has the event, p50", "ms", 20),
    Row("sweep", "a look at 1,000 processes for metrics, CPU", "ms", 20),
)


@contextlib.contextmanager
def _proctor(kind: Kind, loads: list[Load]) -> Iterator[Proctor]:
    if kind is not Proctor:
        raise CannotDo
    with a_place() as place, running(kind, place, loads) as system:
        assert isinstance(system, Proctor)
        yield system


def ls(kind: Kind, values: Values) -> None:
    names = [f"task{i}" for i in range(500)]
    with _proctor(kind, [Load(name, ("/bin/true",)) for name in names]) as system:
        system.start_all(names)
        env = {**os.environ, "PROCTOR_URL": system.url}

        def measure(_: int) -> float:
            begin = monotonic()
            argv = [OURS / "bin/proctor", "ls"]
            done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, check=True)
            taken = monotonic() - begin
            assert done.stdout.count(b"\n") == len(names) + 1
            return taken * 1e3

        values["ls"] = median_of(measure, 20, 8)


def fanout(kind: Kind, values: Values) -> None:
    with _proctor(kind, [Load("one", ("/bin/true",))]) as system:
        system.start("one")
        time.sleep(0.5)  # Its own events are over.
        readers = [_follow(system.address) for _ in range(READERS)]
        try:

            def measure(i: int) -> float:
                time.sleep(0.05)
                begin = monotonic()
                system.ask("POST", f"/v1/tasks/one/{'disable' if i % 2 == 0 else 'enable'}")
                _until_all_have(readers)
                return (monotonic() - begin) * 1e3

            values["fanout"] = median_of(measure, 30, 6)
        finally:
            for reader in readers:
                reader.close()


def _follow(address: tuple[str, int]) -> socket.socket:
    """Return a connection on which events come, the answer's head read already."""
    reader = socket.create_connection(address, 10)
    reader.sendall(request("GET", "/v1/events"))
    data = b""
    while b"\nid: " not in data:  # The stream says first where it begins.
        data += reader.recv(4096)
    reader.setblocking(False)
    return reader


def _until_all_have(readers: list[socket.socket]) -> None:
    """Return when each has read an event."""
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(PATIENCE):
                assert isinstance(key.fileobj, socket.socket)
                if b"\ndata: " in key.fileobj.recv(1 << 16):
                    selector.unregister(key.fileobj)


def sweep(kind: Kind, values: Values) -> None:
    with _proctor(kind, []) as system:
        sleep = system.place.sleep
        system.loads["fleet"] = Load("fleet", (str(sleep), "1000"), 1000, restart=True)
        watch = Watch(sleep.name, 1000, PATIENCE)
        system.start("fleet")
        watch.wait()
        system.ask("GET", "/v1/metrics?task=fleet")
        time.sleep(1)
        sweeps, cpu = _sweeps(system)
        time.sleep(12.5)
        more, spent = _sweeps(system)
        values["sweep"] = (spent - cpu) / (more - sweeps) * 1e3
        system.stop("fleet")


def _sweeps(system: Proctor) -> tuple[float, float]:
    """Return how often the service has looked at all processes, and the CPU seconds it took."""
    text = system.ask("GET", "/metrics").decode()
    names = ("proctor_sweeps_total", "proctor_sweep_cpu_seconds_total")
    sweeps, cpu = (float(re.findall(rf"(?m)^{name} (\S+)$", text)[0]) for name in names)
    return sweeps, cpu


DAILY = {"ls": ls, "fanout": fanout, "sweep": sweep}

"""The rows of the table, and how each is measured: the same way for every supervisor."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from systems import Load, System, a_place, running
from tools import (
    Place,
    TooSlow,
    Watch,
    cpu_seconds,
    kill_and_watch,
    median_of,
    monotonic,
    pss,
    switches,
    wait_until,
)

MIB = 1 << 20
PATIENCE = 40.0
"""Seconds that anybody has for one thing."""

Values = dict[str, float]
Kind = type[System]


@dataclass(frozen=True, slots=True)
class Row:
    """`target` in `unit`; `more` says that more is better."""

    key: str
    what: str
    unit: str
    target: float
    more: bool = False


ROWS = (
    Row("first", "POST -> first instruction of the child, p50", "ms", 2.0),
    Row("fleet_500", "500 replicas of `sleep` in one POST, all running", "ms", 450),
    Row("fleet_2000", "2,000 likewise", "ms", 2700),
    Row("replace", "kill -9 -> replacement's first instruction, p50", "ms", 1.2),
    Row("replace_500", "500 killed at once -> all replaced", "ms", 350),
    Row("once", "1,000 `once` tasks of /bin/true, exit codes on record", "/s", 600, more=True),
    Row("exit", "POST of a short task -> its exit code known, p50", "ms", 2.5),
    Row("stop_500", "stop of 500", "ms", 80),
    Row("writer", "one writer of 1 GiB, byte-exact", "MiB/s", 1400, more=True),
    Row("writer_cpu", "  the same, CPU", "s/GiB", 0.7),
    Row("writers", "50 writers of 20 MiB", "MiB/s", 1300, more=True),
    Row("search", "log search over 1,000,000 lines, 10 found", "ms", 1000),
    Row("follow", "a line written -> seen by who follows, p50", "ms", 200),
    Row("list_1", "GET /proc with 100 tasks, 1 client", "/s", 3000, more=True),
    Row("list_16", "  the same, 16 clients", "/s", 6000, more=True),
    Row("begin", "exec of the service -> first answer", "ms", 150),
    Row("pss", "PSS of the service, idle", "MiB", 32),
    Row("pss_child", "  more per child, memory of its own", "KiB", 2),
    Row("wakeups", "wake-ups with 500 idle daemons", "/s", 0),
)


def first(kind: Kind, values: Values) -> None:
    with a_place() as place:
        count = 50
        loads = [Load(f"first{i}", place.stamping("exit")) for i in range(count)]
        with running(kind, place, loads) as system:

            def measure(i: int) -> float:
                time.sleep(0.01)  # what the one before has left to do is not this one's
                begin = monotonic()
                system.start(f"first{i}")
                return (place.stamp()[0] - begin) * 1e3

            values["first"] = median_of(measure, count, 5)


def fleet(kind: Kind, values: Values) -> None:
    """500 at rest: how fast they come, what they cost, how fast they are replaced and stopped."""
    with a_place() as place:
        count, name = 500, place.sleep.name
        loads = [
            Load("first", place.stamping("hold"), restart=True),
            Load("fleet", (str(place.sleep), "1000"), count, restart=True),
        ]
        with running(kind, place, loads) as system:
            time.sleep(1.0)
            values["pss"] = pss(system.pids) / MIB
            system.start("first")  # What the first child alone brings in is not each one's.
            place.stamp()
            time.sleep(0.5)
            before_fleet = pss(system.pids, "Pss_Anon")
            values["fleet_500"] = _start_fleet(system, name, count)
            time.sleep(1.5)
            more = pss(system.pids, "Pss_Anon") - before_fleet
            values["pss_child"] = more / 1024 / count
            before = switches(system.pids)
            time.sleep(3.0)
            values["wakeups"] = (switches(system.pids) - before) / 3
            values["replace_500"] = kill_and_watch(name, PATIENCE) * 1e3
            time.sleep(0.5)
            values["stop_500"] = _stop_fleet(system, name)


def fleet_2000(kind: Kind, values: Values) -> None:
    with a_place() as place:
        loads = [Load("fleet", (str(place.sleep), "1000"), 2000, restart=True)]
        with running(kind, place, loads) as system:
            values["fleet_2000"] = _start_fleet(system, place.sleep.name, 2000)
            _stop_fleet(system, place.sleep.name)


def _start_fleet(system: System, name: str, count: int) -> float:
    watch = Watch(name, count, PATIENCE)
    begin = monotonic()
    system.start("fleet")
    return (watch.wait() - begin) * 1e3


def _stop_fleet(system: System, name: str) -> float:
    """Return the ms until the supervisor says that all are stopped, and it must be true."""
    begin = monotonic()
    system.stop("fleet")
    taken = (monotonic() - begin) * 1e3
    if Watch(name, 0, 10).wait() - begin > taken / 1e3 + 0.1:
        raise TooSlow("said to be stopped, and they were not")
    return taken


def replace(kind: Kind, values: Values) -> None:
    with a_place() as place:
        loads = [Load("one", place.stamping("hold"), restart=True)]
        with running(kind, place, loads) as system:
            system.start("one")
            _, pid = place.stamp()

            def measure(_: int) -> float:
                nonlocal pid
                time.sleep(0.05)  # it is up and known to be
                begin = monotonic()
                os.kill(pid, 9)
                began, pid = place.stamp()
                return (began - begin) * 1e3

            values["replace"] = median_of(measure, 50, 6)
            system.stop("one")


def once(kind: Kind, values: Values) -> None:
    with a_place() as place:
        names = [f"once{i}" for i in range(1000)]
        with running(kind, place, [Load(name, ("/bin/true",)) for name in names]) as system:
            system.count_ended(names)  # whoever cannot tell need not begin
            begin = monotonic()
            system.start_all(names)
            wait_until(lambda: system.count_ended(names) == len(names), PATIENCE)
            values["once"] = len(names) / (monotonic() - begin)


def exit_known(kind: Kind, values: Values) -> None:
    with a_place() as place:
        loads = [Load(f"exit{i}", ("/bin/true",)) for i in range(30)]
        with running(kind, place, loads) as system:

            def measure(i: int) -> float:
                time.sleep(0.01)
                begin = monotonic()
                system.start(f"exit{i}")
                wait_until(lambda: system.exit_is_known(f"exit{i}"), 10)
                return (monotonic() - begin) * 1e3

            values["exit"] = median_of(measure, len(loads), 6)


def writer(kind: Kind, values: Values) -> None:
    values["writer"], values["writer_cpu"] = _write(kind, 1, 1024 * MIB)


def writers(kind: Kind, values: Values) -> None:
    values["writers"], _ = _write(kind, 50, 20 * MIB)


def _write(kind: Kind, replicas: int, size: int) -> tuple[float, float]:
    """Return the MiB/s at which output is on file, and the service's CPU seconds per GiB."""
    with a_place(in_memory=True) as place:
        argv = (str(place.child), "write", str(size))
        with running(kind, place, [Load("out", argv, replicas, keep_output=True)]) as system:
            before = cpu_seconds(system.pids)
            begin = monotonic()
            system.start("out")
            wait_until(lambda: _is_on_file(system, replicas, size), PATIENCE)
            taken = monotonic() - begin
            time.sleep(0.2)
            cpu = cpu_seconds(system.pids) - before
            for index in range(replicas):
                _check_output(place, size, system.output_files("out", index))
        written = replicas * size
        return written / MIB / taken, cpu / (written / MIB / 1024)


def _is_on_file(system: System, replicas: int, size: int) -> bool:
    for index in range(replicas):
        try:
            found = sum(file.stat().st_size for file in system.output_files("out", index))
        except FileNotFoundError:
            return False
        if found < size:
            return False
    return True


def _check_output(place: Place, size: int, files: list[Path]) -> None:
    if subprocess.run([place.child, "check", str(size), *files], check=False).returncode:
        raise TooSlow(f"output is not what was written: {files}")


def search(kind: Kind, values: Values) -> None:
    with a_place() as place:
        load = Load("out", ("/usr/bin/seq", "1000000"), keep_output=True)
        with running(kind, place, [load]) as system:
            system.start("out")
            wait_until(lambda: _is_on_file(system, 1, 6_888_896), PATIENCE)

            def measure(_: int) -> float:
                begin = monotonic()
                found = system.lines_found("out", "99999$")
                taken = monotonic() - begin
                if found != 10:
                    raise RuntimeError(f"{found} lines were found")
                return taken * 1e3

            values["search"] = median_of(measure, 5, 10)


def follow(kind: Kind, values: Values) -> None:
    with a_place() as place:
        source = place.folder / "source"
        os.mkfifo(source)
        load = Load("echo", ("/bin/cat", str(source)), keep_output=True)
        with running(kind, place, [load]) as system:
            system.start("echo")
            with source.open("wb", buffering=0) as pipe, system.follower("echo") as follower:

                def measure(number: int) -> float:
                    time.sleep(0.05)  # Each line is one that nobody expects.
                    word = b"line-%d-" % number
                    begin = monotonic()
                    pipe.write(word + b"\n")
                    while word not in follower.recv(1 << 16):
                        pass
                    return (monotonic() - begin) * 1e3

                measure(-1)
                values["follow"] = median_of(measure, 100, 10)


def listing(kind: Kind, values: Values) -> None:
    with a_place() as place:
        names = [f"task{i}" for i in range(100)]
        loads = [Load(name, (str(place.sleep), "1000"), restart=True) for name in names]
        with running(kind, place, loads) as system:
            watch = Watch(place.sleep.name, len(names), PATIENCE)
            system.start_all(names)
            watch.wait()
            for clients in (1, 16):
                values[f"list_{clients}"] = system.listings_a_second(clients)


def begin(kind: Kind, values: Values) -> None:
    def measure(_: int) -> float:
        with a_place() as place, running(kind, place, []) as system:
            return system.seconds_to_answer * 1e3

    values["begin"] = median_of(measure, 5, 6)


SCENARIOS: dict[str, Callable[[Kind, Values], None]] = {
    "first": first,
    "fleet": fleet,
    "fleet_2000": fleet_2000,
    "replace": replace,
    "once": once,
    "exit": exit_known,
    "writer": writer,
    "writers": writers,
    "search": search,
    "follow": follow,
    "listing": listing,
    "begin": begin,
}

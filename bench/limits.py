"""The physical limit of each row, as `native/limit.c` reaches it on this machine now."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable

from rows import MIB, Values
from systems import a_place
from tools import BUILD, Place, answers_a_second, median_of, monotonic

ANSWER = 34_000
"""Bytes of a GET /proc with 100 tasks."""


def _limit(place: Place, *arguments: object) -> list[float]:
    """Return the numbers that `limit` says."""
    command = [BUILD / "limit", *map(str, arguments)]
    stamps = place.stamps_fd()
    done = subprocess.run(
        command, stdin=stamps, stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    return [float(line) for line in done.stdout.split()]


def first(place: Place) -> Values:
    return {"first": statistics.median(_limit(place, "spawn", 50, *place.stamping("exit")))}


def replace(place: Place) -> Values:
    return {"replace": statistics.median(_limit(place, "replace", 50, *place.stamping("hold")))}


def fleet(place: Place) -> Values:
    runs = [_limit(place, "fleet", 500, place.sleep, 1000) for _ in range(3)]
    keys = ("fleet_500", "replace_500", "stop_500")
    return dict(zip(keys, map(statistics.median, zip(*runs, strict=True)), strict=True))


def fleet_2000(place: Place) -> Values:
    return {"fleet_2000": _limit(place, "fleet", 2000, place.sleep, 1000)[0]}


def once(place: Place) -> Values:
    return {"once": max(_limit(place, "short", 1000, flight, "/bin/true")[0] for flight in (2, 4))}


def exit_known(place: Place) -> Values:
    return {"exit": statistics.median(_limit(place, "round", 50, "/bin/true"))}


def writer(place: Place) -> Values:
    wall, cpu = _splice(place, 1, 1024 * MIB)
    return {"writer": 1024 / wall, "writer_cpu": cpu}


def writers(place: Place) -> Values:
    return {"writers": 1000 / _splice(place, 50, 20 * MIB)[0]}


def _splice(place: Place, writers: int, size: int) -> list[float]:
    """Return the seconds of wall time and of CPU of the fastest of three runs."""
    folder = place.folder / "output"
    folder.mkdir()
    argv = (place.child, "write", size)
    runs = [_limit(place, "splice", writers, folder, *argv) for _ in range(3)]
    return min(runs)


def listing(place: Place) -> Values:
    server = subprocess.Popen(
        [BUILD / "limit", "http", str(ANSWER)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = ("127.0.0.1", int(server.stdout.readline()))
        asked = b"GET /proc HTTP/1.1\r\nHost: localhost\r\n\r\n"
        return {f"list_{n}": answers_a_second(address, asked, n) for n in (1, 16)}
    finally:
        server.kill()
        server.communicate()


def begin(place: Place) -> Values:
    """Return the ms of an interpreter that does nothing: no service in Python starts faster."""
    return {"begin": _bare_python()}


def ls(place: Place) -> Values:
    return {"ls": _bare_python()}


def _bare_python() -> float:
    def measure(_: int) -> float:
        begin = monotonic()
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
        return (monotonic() - begin) * 1e3

    return median_of(measure, 20, 5)


LIMITS: dict[str, Callable[[Place], Values]] = {
    "first": first,
    "fleet": fleet,
    "fleet_2000": fleet_2000,
    "replace": replace,
    "once": once,
    "exit": exit_known,
    "writer": writer,
    "writers": writers,
    "listing": listing,
    "begin": begin,
    "ls": ls,
}


def measure_limit(scenario: str) -> Values:
    if scenario not in LIMITS:
        return {}
    with a_place(in_memory=scenario.startswith("writer")) as place:
        return LIMITS[scenario](place)

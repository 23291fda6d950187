"""Nothing is lost when the manager is killed: the same path serves a reload."""

from __future__ import annotations

import http.client
import os
import random
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from .service import Service, alive, counted, counter, until

LOST = (http.client.HTTPException, ConnectionError)


def post_surely(service: Service, name: str, cmd: str) -> None:
    """Post until it is answered; a 409 tells that a manager took it and died before it said so."""
    for attempt in range(1000):
        try:
            answer = service.post(name, cmd)
        except LOST:
            continue
        assert answer.status == 200 or (attempt and answer.status == 409), answer
        return
    raise AssertionError("never answered")


def begun(service: Service, name: str) -> list[Any]:
    """Return how the runs ended that began: one that was saved, but not ordered yet, did not."""
    return [end for end in service.ends(name) if end[3] != "never started"]


@pytest.mark.parametrize("seed", [1, 2])
def test_killing_the_manager_at_any_moment_loses_nothing(
    service: Service, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    audit = tmp_path / "audit"
    service.must_post("count", counter(), type="daemon", replica=20, interval=0)
    before = service.wait_running("count", 20)
    over = threading.Event()

    def kill_again_and_again() -> None:
        for _ in range(15):
            if pid := service.living_manager():
                os.kill(pid, signal.SIGKILL)
            time.sleep(dice.choice([0.0, 0.05, 0.15, 0.3, 0.5]) * dice.random())
        over.set()

    killer = threading.Thread(target=kill_again_and_again)
    killer.start()
    number = 0
    while not over.is_set():
        post_surely(service, f"once{number}", f"echo {number} >>{audit}; exit {number % 200}")
        number += 1
    killer.join()
    service.wait_running("count", 20)
    for n in range(number):
        assert until(lambda n=n: begun(service, f"once{n}")) == [(0, n % 200, None, None)]

    # Every one was run exactly once, and the counters never stopped.
    assert sorted(map(int, audit.read_text().split())) == list(range(number))
    assert service.running("count") == before
    assert sorted(service.processes_by_run().values()) == [1] * 20
    assert len(service.query("SELECT 1 FROM run WHERE task = 'count'")) == 20
    assert service.stop() == 0
    for replica in range(20):
        output = service.segments("count", replica)
        assert output.endswith(b"end\n")
        assert counted(output) > 100


def test_requests_while_there_is_no_manager_are_answered_by_the_next(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    (pid,) = service.wait_running("daemon")
    os.kill(service.keeper_pid, signal.SIGSTOP)  # So that nobody starts the next one yet.
    old = service.kill_manager()
    until(lambda: not alive(old))

    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
        client.sendall(b"GET /proc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        os.kill(service.keeper_pid, signal.SIGCONT)
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"pid":%d' % pid in answer


def test_exits_that_no_manager_saw_are_on_record(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    for code in range(10):
        service.must_post(
            f"once{code}", f"while [ ! -e {gate} ]; do sleep 0.01; done; echo bye; exit {code}"
        )
    pids = [service.wait_running(f"once{code}")[0] for code in range(10)]
    manager = service.manager_pid()
    os.kill(manager, signal.SIGSTOP)

    gate.touch()
    until(lambda: not any(alive(pid) for pid in pids))
    os.kill(manager, signal.SIGKILL)

    for code in range(10):
        assert service.wait_ends(f"once{code}") == [(0, code, None, None)]
        until(lambda code=code: service.output(f"once{code}") == {f"once{code}:0": b"bye\n"})  # type: ignore[misc]


def test_a_daemon_that_dies_without_a_manager_is_started_by_the_next(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon", interval=0)
    (before,) = service.wait_running("daemon")
    manager = service.manager_pid()
    os.kill(manager, signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    until(lambda: not alive(before))

    os.kill(manager, signal.SIGKILL)

    (after,) = until(lambda: p if (p := service.running("daemon")) and p != [before] else None)
    assert service.ends("daemon") == [(0, None, 9, None)]
    assert service.processes() == [after]


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_stop_completes_though_its_manager_is_killed(
    service: Service, tmp_path: Path, method: str
) -> None:
    asked, gate = tmp_path / "asked", tmp_path / "gate"
    service.must_post(
        "slow",
        f"trap 'touch {asked}; while [ ! -e {gate} ]; do sleep 0.01; done; exit 9' TERM;"
        " echo; while :; do sleep 0.02; done",
        type="daemon",
        stop_timeout=600,
    )
    until(lambda: service.output("slow")["slow:0"] == b"\n")
    (before,) = service.running("slow")
    outcome: list[object] = []

    def request() -> None:
        try:
            outcome.append(service.request(method, "/proc?name=slow").status)
        except LOST as error:
            outcome.append(error)

    client = threading.Thread(target=request)
    client.start()
    until(asked.exists)
    service.kill_manager()
    service.wait_event("manager started")
    client.join()
    gate.touch()

    until(lambda: service.ends("slow"))
    assert service.ends("slow") == [(0, 9, None, None)]
    assert not alive(before)
    if method == "DELETE":
        until(lambda: "slow" not in service.tasks())
        assert service.processes() == []
    else:
        (after,) = service.wait_running("slow")
        assert service.processes_by_run().keys() == {2}
        assert after != before


def test_a_kill_completes_though_its_manager_is_killed(service: Service) -> None:
    service.must_post(
        "deaf", "trap '' TERM; echo; while :; do sleep 1; done", stop_timeout=0.5, replica=3
    )
    until(lambda: set(service.output("deaf").values()) == {b"\n"})

    assert service.delete("deaf", "&wait=0").status == 200
    for _ in range(5):
        if pid := service.living_manager():
            os.kill(pid, signal.SIGKILL)
        time.sleep(random.random() * 0.3)

    until(lambda: "deaf" not in service.tasks())
    assert service.processes() == []


def test_once_is_not_run_again_by_the_next_manager(service: Service, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    service.must_post("over", f"echo over >>{audit}")
    service.must_post("going", f"echo going >>{audit}; sleep 1000")
    service.wait_ends("over")
    until(lambda: len(audit.read_text().split()) == 2)
    pids = service.wait_running("going")

    service.kill_manager()
    service.wait_event("listening", 3)

    assert service.running("going") == pids
    assert sorted(audit.read_text().split()) == ["going", "over"]
    assert len(service.query("SELECT 1 FROM run")) == 2


def test_a_pause_goes_on_through_the_managers_death(service: Service) -> None:
    service.must_post("pausing", "exit 0", type="daemon", interval=2)
    service.wait_ends("pausing")

    service.kill_manager()
    service.wait_ends("pausing", 2)

    (_, ended), (started, _) = service.query("SELECT started, ended FROM run ORDER BY run LIMIT 2")
    assert started - ended >= 1.9


def test_a_hang_up_reloads_keeper_and_manager_under_the_tasks(service: Service) -> None:
    service.must_post("count", counter(), type="daemon", replica=3)
    before = service.wait_running("count", 3)
    service.must_post("job", "sleep 0.5; exit 7")

    for times in range(1, 4):
        old = service.manager_pid()
        service.send(signal.SIGHUP)
        service.wait_event("manager started", times)
        assert service.running("count") == before
        assert service.manager_pid() != old
        assert not alive(old)

    assert service.wait_ends("job") == [(0, 7, None, None)]
    assert sorted(service.processes_by_run().values()) == [1] * 3
    assert service.stop() == 0
    for replica in range(3):
        output = service.segments("count", replica)
        assert output.endswith(b"end\n")
        assert counted(output) > 20


def test_a_manager_that_is_stopped_can_be_killed_and_is_replaced(service: Service) -> None:
    service.must_post("count", counter(), type="daemon")
    before = service.wait_running("count")
    old = service.manager_pid()

    os.kill(old, signal.SIGSTOP)
    os.kill(old, signal.SIGKILL)

    assert service.running("count") == before
    assert service.manager_pid() != old


def test_a_forced_stop_that_the_next_manager_hears_of_first_is_done(service: Service) -> None:
    service.must_post("deaf", "trap '' TERM; echo; sleep 1000", type="daemon", stop_timeout=600)
    until(lambda: service.output("deaf").get("deaf:0"))
    service.send(signal.SIGTERM)
    service.wait_event("asked to stop")
    service.send(signal.SIGSTOP)
    service.kill_manager()
    service.send(signal.SIGINT)
    service.send(signal.SIGCONT)

    assert service.wait() == 0
    assert service.processes() == []
    assert not [text for text in service.text if "Traceback" in text]


def test_the_readmes_line_kills_the_manager_and_not_the_keeper(service: Service) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (pattern,) = re.findall(r"pgrep -f '([^']+)'", readme)

    def fits(pid: int) -> bool:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
        return re.search(pattern, line.decode()) is not None

    assert fits(service.manager_pid())
    assert not fits(service.keeper_pid)

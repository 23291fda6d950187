"""The service as the first process of a container."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from .conftest import Instance
from .service import Service, parent, pids, until

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


@pytest.fixture
def contained(instance: Instance) -> Service:
    try:
        allowed = subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("a process namespace is not permitted here")
    return instance()


def first_process(service: Service) -> int:
    """Return the outer number of the keeper: the child of unshare."""
    return until(lambda: next((p for p in pids() if is_child(p, service.keeper_pid)), None))


def is_child(pid: int, of: int) -> bool:
    try:
        return parent(pid) == of
    except OSError:
        return False


def test_it_reaps_strangers_and_ends_in_order(contained: Service) -> None:
    contained.start(prefix=UNSHARE)
    keeper = first_process(contained)
    orphans = (
        "for i in 1 2 3 4 5; do (setsid sh -c 'sleep 0.05; exit 9' &); done; sleep 0.5; exit 4"
    )
    contained.must_post("orphans", orphans)
    contained.must_post("daemon", "echo $PPID; sleep 1000", type="daemon")

    assert contained.wait_ends("orphans") == [(0, 4, None, None)]
    until(lambda: contained.output("daemon") == {"daemon:0": b"1\n"})
    zombies = f"/proc/{keeper}/task/{keeper}/children"
    until(lambda: all(state(p) != "Z" for p in Path(zombies).read_text().split()))

    os.kill(keeper, signal.SIGTERM)
    assert contained.wait() == 0
    assert contained.events("stopped")
    assert contained.processes() == []


def state(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_it_restarts_its_manager(contained: Service) -> None:
    contained.start(prefix=UNSHARE)
    keeper = first_process(contained)
    contained.must_post("daemon", "sleep 1000", type="daemon")
    before = contained.wait_running("daemon")
    manager = next(p for p in pids() if is_child(p, keeper) and p not in contained.processes())

    os.kill(manager, signal.SIGKILL)
    contained.wait_event("manager started")

    assert contained.running("daemon") == before
    os.kill(keeper, signal.SIGTERM)
    assert contained.wait() == 0


def test_a_stop_goes_in_reverse_order_and_waits_for_no_one_for_ever(
    contained: Service, tmp_path: Path
) -> None:
    contained.start(prefix=UNSHARE)
    keeper = first_process(contained)
    trace = tmp_path / "trace"
    told = f"trap 'sleep 0.2; echo %s >>{trace}; exit' TERM; while :; do sleep 0.02; done"
    deaf = "trap '' TERM; while :; do sleep 1000; done"
    contained.must_post("db", told % "db", type="daemon")
    contained.must_post("app", told % "app", type="daemon", deps=["db"])
    contained.must_post("web", told % "web", type="daemon", deps=["app"])
    deaf_one = {"name": "deaf", "type": "daemon", "cmd": deaf, "stop_timeout": 0.3}
    assert contained.request("POST", "/v1/tasks", deaf_one).status == 201
    for name in ("db", "app", "web", "deaf"):
        contained.wait_running(name)

    os.kill(keeper, signal.SIGTERM)

    assert contained.wait() == 0
    assert trace.read_text().split() == ["web", "app", "db"]
    assert contained.ends("deaf") == [(0, None, 9, None)]


def test_its_exit_status_is_the_containers(contained: Service) -> None:
    contained.spawn("--host", "203.0.113.7", "--insecure", prefix=UNSHARE)

    assert contained.wait() == 2

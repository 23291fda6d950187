"""Dependencies with conditions, and what waits says what for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.service import Service

from .tasks import Tasks, stopped_by_gate


@pytest.mark.parametrize("until", ["ready", "log_line", "completed", "completed_ok", "started"])
def test_a_dependent_waits_for_the_condition_and_says_so(
    tasks: Tasks, tmp_path: Path, until: str
) -> None:
    gate, flag = stopped_by_gate(tmp_path), tmp_path / "ready"
    more: dict[str, Any] = {}
    if until == "started":
        more = {"cwd": str(tmp_path / "later"), "interval": 0.05}  # Cannot begin without it.
    if until == "ready":
        more = {"readiness": {"file": str(flag), "period": 0.05}}
    type = "once" if until.startswith("completed") else "daemon"
    then = "exit 0" if type == "once" else "exec sleep 1000"
    tasks.add("base", f"cat {gate}; echo up and running; {then}", type, **more)
    dep = {"task": "base", "until": until}
    dep |= {"pattern": "up and"} if until == "log_line" else {}
    tasks.add("user", "echo it is my turn", "once", deps=[dep])

    waiting = tasks.wait("user", lambda t: t["blockers"])

    assert (waiting["state"], waiting["replicas"][0]["state"]) == ("waiting", "waiting")
    assert tasks.named("base") in waiting["reason"]
    if until == "started":
        (tmp_path / "later").mkdir()
    else:
        gate.write_text("go\n")
        flag.touch()
    assert tasks.ended("user", 1)[0]["exit"]["code"] == 0
    if until == "started":
        gate.write_text("go\n")


def test_who_depends_on_a_failure_is_blocked_never_started_and_not_hung(tasks: Tasks) -> None:
    tasks.add("migrate", "exit 1", "once")
    tasks.ended("migrate", 1)
    tasks.add("web", "sleep 1000", deps=[{"task": "migrate", "until": "completed_ok"}])

    blocked = tasks.see("web")

    assert blocked["state"] == "blocked"
    assert blocked["reason"] == f"{tasks.named('migrate')} exited 1"
    assert blocked["blockers"] == [blocked["reason"]]
    operation = tasks.do("start", "web")  # It need not wait to know.
    assert operation["state"] == "failed"
    assert "exited 1" in operation["reason"]
    assert tasks.runs("web") == []


def test_what_is_optional_and_can_no_longer_come_holds_nothing_up(tasks: Tasks) -> None:
    tasks.add("cache", "exit 1", "once")
    tasks.ended("cache", 1)
    dep = {"task": "cache", "until": "ready", "required": False}

    tasks.add("web", "sleep 1000", deps=[dep])

    tasks.wait_ready("web")


def test_starting_a_task_can_start_what_it_needs(tasks: Tasks) -> None:
    tasks.add("db", "sleep 1000", enabled=False)
    tasks.add("api", "sleep 1000", deps=["db"], enabled=False)
    tasks.add("web", "sleep 1000", deps=["api"], enabled=False)

    operation = tasks.do("start", "web", "deps=1&wait=30")

    assert operation["state"] == "done"
    assert {t["alias"] for t in operation["targets"]} == {
        f"{tasks.named(name)}:0" for name in ("db", "api", "web")
    }


def test_the_graph_names_states_edges_and_the_chain_that_took_longest(
    tasks: Tasks, tmp_path: Path
) -> None:
    gate = stopped_by_gate(tmp_path)
    slow = {"readiness": {"log_line": "serving"}}
    tasks.add("db", f"cat {gate}; echo serving; exec sleep 1000", **slow)
    tasks.add("quick", "sleep 1000")
    tasks.add("web", "sleep 1000", deps=[{"task": "db", "until": "ready"}, "quick"])
    tasks.wait("web", lambda t: t["blockers"])
    tasks.wait_ready("quick")
    gate.write_text("go\n")
    tasks.wait_ready("web")

    graph = tasks.service.request("GET", "/v1/graph").body

    chain = [link["task"] for link in graph["critical_chain"]]
    assert chain == [tasks.named("web"), tasks.named("db")]
    web, db = graph["critical_chain"]
    ready = tasks.replica("db")["ready_since"]
    assert db["at"] == pytest.approx(ready)
    assert web["waited"] >= 0
    states = {node["name"]: node["state"] for node in graph["nodes"]}
    assert states[tasks.named("web")] == "running"


def stops_in_order(tasks: Tasks, folder: Path, act: Callable[[], object]) -> None:
    """Make tasks that need each other, have `act` stop all, and look in what order they ended."""
    log, gate = folder / "order", stopped_by_gate(folder)

    def last_words(name: str, more: str = "") -> str:
        trap = f"trap '{more} echo {name} >> {log}; exit 0' TERM"
        return f"{trap}; echo set; while :; do sleep 0.05; done"

    set_: dict[str, Any] = {"readiness": {"log_line": "set"}}
    tasks.add("db", last_words("db"), **set_)
    # Neither of the two ends before the other one is told to: they meet at the fifo.
    tasks.add("left", last_words("left", f"cat {gate} >&2;"), deps=["db"], **set_)
    tasks.add("right", last_words("right", f"echo go > {gate};"), deps=["db"], **set_)
    tasks.add("web", last_words("web"), deps=["left", "right"], **set_)
    for name in ("db", "left", "right", "web"):
        tasks.wait_ready(name)

    act()

    first, *middle, last = log.read_text().split()
    assert (first, sorted(middle), last) == ("web", ["left", "right"], "db")


def test_the_service_stops_dependents_first_and_in_parallel_what_may(
    own: Service, tmp_path: Path
) -> None:
    own.start()

    def stop() -> None:
        assert own.stop() == 0

    stops_in_order(Tasks(own), tmp_path, stop)


@pytest.mark.parametrize("verb", ["stop", "delete"])
def test_tasks_that_are_stopped_together_end_dependents_first(
    tasks: Tasks, tmp_path: Path, verb: str
) -> None:
    def act() -> None:
        body = {"tasks": [tasks.named(name) for name in ("db", "left", "right", "web")]}
        answer = tasks.service.request("POST", f"/v1/{verb}?wait=60", body)
        assert answer.body["state"] == "done"

    stops_in_order(tasks, tmp_path, act)
    if verb == "stop":
        assert {tasks.see(name)["state"] for name in ("db", "web")} == {"stopped"}

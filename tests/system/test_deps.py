from __future__ import annotations

import os
from pathlib import Path

from .service import Service, until


def test_a_task_starts_when_what_it_depends_on_is_over(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    service.must_post("first", f"cat {gate}")
    service.must_post("second", "echo second", deps=["first"])
    service.must_post("third", "echo third", deps=["second"])

    service.wait_running("first")
    tasks = service.tasks()
    assert [tasks[name]["run_flag"] for name in ("first", "second", "third")] == [False, True, True]
    assert service.running("second") == service.running("third") == []
    gate.write_text("go\n")
    service.wait_ends("third")

    order = [row[0] for row in service.query("SELECT task FROM run ORDER BY started")]
    assert order == ["first", "second", "third"]
    assert service.output("third") == {"third:0": b"third\n"}


def test_a_daemon_satisfies_when_all_its_replicas_are_up(service: Service, tmp_path: Path) -> None:
    # It cannot come up before its directory is there: until then it starts, fails and pauses.
    folder = tmp_path / "folder"
    service.must_post("base", "sleep 60", type="daemon", replica=2, cwd=str(folder), interval=0.05)
    service.must_post("user", "exit 0", deps=["base"])

    assert service.tasks()["user"]["run_flag"] is True
    until(lambda: len(service.ends("base")) >= 4)
    assert service.ends("user") == []
    folder.mkdir()
    service.wait_ends("user")

    assert len(service.running("base")) == 2


def test_a_name_that_no_task_has_holds_nothing_up(service: Service) -> None:
    service.must_post("free", "exit 0", deps=["nobody-knows"])

    assert service.wait_ends("free") == [(0, 0, None, None)]


def test_a_cycle_is_refused_and_spelled_out(service: Service) -> None:
    service.must_post("a", "sleep 60", deps=["b"])
    service.must_post("b", "sleep 60", deps=["c"])

    answer = service.post("c", "sleep 60", deps=["a"])

    assert answer.status == 422
    assert "c -> a -> b -> c" in answer.body["msg"]
    assert set(service.tasks()) == {"a", "b"}


def test_removing_what_a_task_waits_for_sets_it_free(service: Service) -> None:
    service.must_post("holder", "sleep 60")
    service.must_post("waiter", "exit 0", deps=["holder"])
    service.wait_running("holder")

    assert service.delete("holder").status == 200

    assert service.wait_ends("waiter") == [(0, 0, None, None)]

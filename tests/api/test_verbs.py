"""Verbs where they meet schedules, overlapping runs and dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .live import live
from .support import Running
from .test_v1 import get, make, post, reasons


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with live(tmp_path) as (server, _):
        yield server


NEVER = {"type": "cron", "cron": "0 0 1 1 *"}


def test_a_run_now_beside_one_that_goes_on_is_refused_and_counts_as_no_misfire(
    server: Running,
) -> None:
    make(server, "job", cmd="sleep", **NEVER)
    post(server, "tasks/job/run?wait=0")

    refused = post(server, "tasks/job/run?wait=0")

    assert (refused.status, refused.json["type"]) == (409, "urn:proctor:error:busy")
    assert "job:0 still runs" in refused.json["detail"]
    assert get(server, "tasks/job")["skipped"] == 0


def test_a_run_now_waits_where_fires_are_queued(server: Running) -> None:
    make(server, "job", cmd="sleep", overlap="queue", queue=1, **NEVER)
    post(server, "tasks/job/run?wait=0")

    post(server, "tasks/job/run?wait=0")

    assert get(server, "tasks/job")["queued"] == 1


def test_stopping_a_task_ends_the_runs_that_overlap_too(server: Running) -> None:
    make(server, "job", cmd="sleep", overlap="allow", **NEVER)
    for _ in range(3):
        post(server, "tasks/job/run?wait=0")
    assert len(get(server, "tasks/job")["replicas"]) == 3

    stopped = post(server, "tasks/job/stop?wait=30")

    assert stopped.json["state"] == "done"
    assert [target["alias"] for target in stopped.json["targets"]] == ["job:0", "job:1", "job:2"]
    assert all(r["pid"] is None for r in get(server, "tasks/job")["replicas"])


def test_what_has_done_its_part_is_not_run_again_for_a_dependent(server: Running) -> None:
    make(server, "migrate", type="once", cmd="true")
    post(server, "tasks/migrate/run?wait=30")
    before = len(get(server, "tasks/migrate/runs")["runs"])
    make(server, "web", enabled=False, deps=[{"task": "migrate", "until": "completed_ok"}])

    started = post(server, "tasks/web/start?deps=1&wait=30")

    assert reasons(started) == {"web:0": "up"}
    assert len(get(server, "tasks/migrate/runs")["runs"]) == before


def test_blackouts_that_leave_nothing_are_refused(server: Running) -> None:
    always = {"cron": "* * * * *", "seconds": 60}
    body = {"name": "job", "cmd": "true", "type": "cron", "cron": "* * * * *"}

    refused = post(server, "tasks", body | {"blackouts": [always]})

    assert refused.status in (400, 422), refused.body
    assert refused.json["field"] == "blackouts"
    assert server.request("GET", "/v1/tasks/job").status == 404


def test_what_runs_once_is_started_when_it_has_ended_well_and_not_before(server: Running) -> None:
    for name, cmd in (("good", "true"), ("bad", "exit 7")):
        make(server, name, type="once", cmd=cmd, restart="never")

        for verb in ("start", "restart"):
            done = post(server, f"tasks/{name}/{verb}?wait=30")
            assert done.json["state"] == ("done" if name == "good" else "failed")
            assert reasons(done) == {f"{name}:0": "ended well" if name == "good" else "exited 7"}

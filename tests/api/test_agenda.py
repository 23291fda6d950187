"""/v1/agenda: the fires of all tasks in a window, and what clocks do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .live import live
from .support import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with live(tmp_path) as (server, _):
        yield server


def make(server: Running, name: str, **fields: Any) -> None:
    body = {"name": name, "type": "cron", "cmd": "true", **fields}
    assert server.request("POST", "/v1/tasks", body).status == 201


def get(server: Running, path: str) -> Any:
    response = server.request("GET", f"/v1/{path}")
    assert response.status == 200, response.body
    return response.json


def test_all_fires_of_a_window_in_each_tasks_own_zone(server: Running) -> None:
    make(server, "night", cron="30 2 * * *", timezone="Europe/Berlin")
    make(server, "often", cron="*/5 * * * *", timezone="UTC")
    make(server, "once", cron=None, type="cron", at="2030-01-01T05:00:00Z")
    make(server, "paused", cron="0 * * * *", enabled=False)
    make(server, "web", type="daemon")

    agenda = get(server, "agenda?from=2030-01-01T00:00:00Z&hours=24&limit=3")

    found = {task["name"]: task for task in agenda["tasks"]}
    assert list(found) == ["night", "often", "once", "paused"]
    assert [fire["local"] for fire in found["night"]["fires"]] == ["2030-01-01T02:30:00+01:00"]
    assert found["night"]["words"] == "at 02:30 every day"
    assert [fire["local"][11:16] for fire in found["often"]["fires"]] == ["00:05", "00:10", "00:15"]
    assert (found["often"]["more"], found["night"]["more"]) == (True, False)
    assert [fire["at"] for fire in found["once"]["fires"]] == [1893474000]
    assert (found["paused"]["fires"], found["paused"]["enabled"]) == ([], False)
    assert agenda["until"] - agenda["from"] == 86_400


def test_tasks_are_chosen_by_their_names(server: Running) -> None:
    make(server, "a1", cron="@daily")
    make(server, "b1", cron="@daily")

    assert [task["name"] for task in get(server, "agenda?task=b*")["tasks"]] == ["b1"]


def test_clock_changes_in_the_window_are_told(server: Running) -> None:
    make(server, "night", cron="30 2 * * *", timezone="Europe/Berlin")
    window = "agenda?from=2024-03-30T12:00:00Z&hours=24"

    agenda = get(server, f"{window}&tz=America/New_York")
    autumn = get(server, "agenda?from=2024-10-26T12:00:00Z&hours=24&task=none&tz=Europe/Berlin")

    assert agenda["clock_changes"] == [
        {
            "zone": "Europe/Berlin",
            "at": 1711846800,
            "seconds": 3600,
            "before": "2024-03-31T02:00:00+01:00",
            "after": "2024-03-31T03:00:00+02:00",
        }
    ]
    assert agenda["tasks"][0]["fires"][0]["local"] == "2024-03-31T03:00:00+02:00"
    (back,) = autumn["clock_changes"]
    assert (back["seconds"], back["after"][11:16]) == (-3600, "02:00")
    assert server.request("GET", "/v1/agenda?tz=Mars").json["field"] == "tz"


def test_an_expression_is_previewed_with_its_words(server: Running) -> None:
    assert get(server, "schedule/next?cron=@daily")["words"] == "at 00:00 every day"


def test_the_past_of_somebody_and_of_several_kinds(server: Running) -> None:
    make(server, "job", cron="@daily")
    server.request("POST", "/v1/tasks/job/run?wait=30")
    server.request("DELETE", "/v1/tasks/job?wait=30")

    kinds = {event["kind"] for event in get(server, "history?kind=task.*,schedule.*")["events"]}
    by_policy = get(server, "history?actor=nobody*")["events"]
    of_api = get(server, "history?actor=*&kind=task.created")["events"]

    assert kinds == {"task.created", "schedule.fired", "task.removed"}
    assert by_policy == []
    assert {event["actor"] for event in get(server, "history?actor=!policy,x*")["events"]} == {
        event["actor"] for event in of_api
    }
    assert [event["task"] for event in of_api] == ["job"]

"""/v1/history, and what the list of tasks has for those who follow events."""

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
    body = {"name": name, "type": "daemon", "cmd": "serve", **fields}
    assert server.request("POST", "/v1/tasks", body).status == 201
    assert server.request("POST", f"/v1/tasks/{name}/start?wait=30").json["state"] == "done"


def get(server: Running, path: str) -> Any:
    response = server.request("GET", f"/v1/{path}")
    assert response.status == 200, response.body
    return response.json


def test_the_past_is_read_backwards_by_pages(server: Running) -> None:
    make(server, "web")
    make(server, "db")

    found: list[dict[str, Any]] = []
    page = get(server, "history?limit=3")
    while page["next"] is not None:
        found += page["events"]
        page = get(server, f"history?limit=3&before={page['next']}")
    found += page["events"]

    assert [event["id"] for event in found] == list(range(len(found), 0, -1))
    assert (found[-1]["kind"], found[-1]["task"]) == ("task.created", "web")


def test_the_past_of_a_task_and_of_a_kind(server: Running) -> None:
    make(server, "web")
    make(server, "db")
    server.request("DELETE", "/v1/tasks/web?wait=30")

    of_web = get(server, "history?task=w*")["events"]
    made = get(server, "history?kind=task.created")["events"]

    assert {event["task"] for event in of_web} == {"web"}
    assert of_web[0]["kind"] == "task.removed"
    assert [event["task"] for event in made] == ["db", "web"]


def test_tasks_are_listed_by_their_names(server: Running) -> None:
    for name in ("a", "b", "c"):
        make(server, name, deps=["a"] if name == "b" else [])

    found = get(server, "tasks?names=c,b,none,c")["tasks"]

    assert [task["name"] for task in found] == ["b", "c"]
    assert found[0]["deps"] == ["a"]
    assert get(server, "tasks?names=none")["total"] == 0

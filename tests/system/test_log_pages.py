"""Logs by pages, of a whole service: many replicas, and what comes after the last page."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from .service import PATIENCE, Service, until

REPLICAS, LINES = 40, 5


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("pages") / "s")
    try:
        service.start()
        # Some write at once, some late, so that a place has to tell of more than a moment.
        command = (
            f"for n in $(seq {LINES}); do echo $PROCTOR_REPLICA.$n; sleep 0.0$PROCTOR_REPLICA; done"
        )
        service.must_post("many", command, replica=REPLICAS)
        until(lambda: len(ended(service, "many")) == REPLICAS)
        yield service
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


def ended(service: Service, name: str) -> list[int]:
    runs = service.request("GET", f"/v1/tasks/{name}/runs?limit=100").body["runs"]
    return [run["run"] for run in runs if run["ended"]]


def page(service: Service, **query: Any) -> dict[str, Any]:
    answer = service.request("GET", f"/v1/logs/page?{urlencode(query)}")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body
    return found


def keys(lines: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(line["replica"], line.get("text") or line["marker"][:4]) for line in lines]


def walk(service: Service, back: bool, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    one = page(service, back=str(back).lower(), **query)
    while True:
        found = one["lines"] + found if back else found + one["lines"]
        if one["first" if back else "last"]:
            assert one["bytes_before" if back else "bytes_after"] == 0
            return found
        at = one["before" if back else "after"]
        one = page(service, at=at, back=str(back).lower(), **query)


@pytest.mark.parametrize("back", [False, True])
def test_of_more_replicas_than_a_place_names_nothing_is_missing_or_twice(
    service: Service, back: bool
) -> None:
    found = walk(service, back, task="many", limit=37)

    assert len(found) == REPLICAS * (LINES + 2)
    assert len(set(keys(found))) == len(found)
    for replica in range(REPLICAS):
        own = [text for index, text in keys(found) if index == replica]
        assert own == ["star", *(f"{replica}.{n}" for n in range(1, LINES + 1)), "exit"]
    times = [line["time"] for line in found if "text" in line]
    assert times == sorted(times)


def test_a_place_of_many_replicas_does_not_name_them_all(service: Service) -> None:
    one = page(service, task="many", back="true", limit=10)
    assert one["after"].count("@") < REPLICAS / 2


def test_the_stream_goes_on_behind_the_last_page(service: Service, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = f"echo one; echo two; until test -e {go}; do sleep 0.05; done; echo three"
    service.must_post("later", command)
    until(lambda: len(page(service, task="later")["lines"]) == 3)
    last = page(service, task="later", back="true", limit=2)
    assert [line["text"] for line in last["lines"]] == ["one", "two"]
    query = urlencode({"task": "later", "follow": "true", "after": last["after"]})

    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as http_:
        http_.request("GET", f"/v1/logs?{query}")
        response = http_.getresponse()
        go.touch()
        found = []
        while len(found) < 2:
            if line := response.readline().strip():
                found.append(json.loads(line))
    assert found[0]["text"] == "three"
    assert found[1]["marker"].startswith("exited 0")


def test_what_is_no_place_is_refused(service: Service) -> None:
    answer = service.request("GET", "/v1/logs/page?task=many&at=nonsense")
    assert (answer.status, answer.body["field"]) == (400, "at")
    assert service.request("GET", "/v1/logs/page?share=2").status == 400
    assert service.request("GET", "/v1/logs/page?task=nobody").status == 404

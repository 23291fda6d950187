"""/v1/metrics/stream of a real service."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from tests.system.service import PATIENCE, Service


def steps(service: Service, query: str = "") -> Iterator[Any]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with closing(connection):
        headers = {"Accept": "application/x-ndjson"}
        connection.request("GET", f"/v1/metrics/stream{query}", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        for line in response:
            if line.strip():
                yield json.loads(line)


def test_the_past_comes_first_and_then_each_step(service: Service) -> None:
    service.must_post("a", "exec sleep 1000", "daemon", replica=2)
    service.must_post("b", "exec sleep 1000", "daemon")
    service.wait_running("a", 2)
    before = next(step for step in steps(service) if {"a", "b"} <= step["tasks"].keys())

    found = steps(service, "?task=a&history=300")
    past, later = next(found), next(found)

    assert past["at"] <= before["at"]
    assert past["at"] < later["at"]
    assert past["tasks"].keys() == later["tasks"].keys() == {"a"}
    assert later["replicas"].keys() == {"a:0", "a:1"}
    assert later["tasks"]["a"][1] == sum(rss for _, rss in later["replicas"].values()) > 0

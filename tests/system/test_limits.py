"""Limits on what tasks use, as far as they can be enforced here."""

from __future__ import annotations

import sys
from typing import Any

from .service import Service, until

HOG = [sys.executable, "-c", "x = bytearray(90 << 20)\nimport time\ntime.sleep(1000)"]


def create(service: Service, name: str, cmd: object, **more: object) -> Any:
    body = {"name": name, "type": "daemon", "cmd": cmd, **more}
    answer = service.request("POST", "/v1/tasks", body)
    assert answer.status == 201, answer
    return answer.body["task"]


def test_what_is_not_enforced_is_told(service: Service) -> None:
    modes = service.request("GET", "/v1/info").body["controllers"]
    assert modes.keys() == {"memory", "cpu", "pids"}

    limits = {"cpu": 0.5, "pids": 50, "memory_max": "500M"}
    task = create(service, "web", "sleep 1000", limits=limits)
    free = create(service, "free", "sleep 1000")

    told = {text.split()[0].partition(".")[2].partition("_")[0] for text in task["warnings"]}
    assert told == {name for name, mode in modes.items() if mode != "cgroup"}
    assert free["warnings"] == []
    assert service.wait_running("web")


def test_too_much_memory_ends_the_run_with_the_reason(service: Service) -> None:
    mode = service.request("GET", "/v1/info").body["controllers"]["memory"]
    create(service, "hog", HOG, limits={"memory_max": "60M"}, interval=1000)

    ((_, code, signal, error),) = service.wait_ends("hog")

    assert (code, signal) in [(None, 9), (None, 15)]
    assert "oom" in error if mode == "cgroup" else "over memory_max 60 MiB" in error
    until(lambda: service.request("GET", "/v1/tasks/hog").body["state"] == "backoff")

"""Errors that are told from output."""

from __future__ import annotations

import json
from typing import Any

from .service import Service, until

SCRIPT = "echo out 1; echo err 1 >&2; read _; echo out 2; echo err 2 >&2; exec sleep 1000"


def create(service: Service, name: str, **fields: Any) -> None:
    body = {"name": name, "type": "daemon", "cmd": SCRIPT, "stdin": "pipe", **fields}
    answer = service.request("POST", "/v1/tasks", body)
    assert answer.status == 201, answer


def lines(service: Service, name: str, query: str = "") -> list[tuple[str, str]]:
    """Return stream and text of each line."""
    answer = service.request("GET", f"/v1/logs?task={name}{query}")
    assert answer.status == 200, answer
    entries = [json.loads(line) for line in answer.raw.splitlines()]
    return [(e.get("stream", "out"), e["text"]) for e in entries if "text" in e]


def go_on(service: Service, name: str) -> None:
    assert service.request("POST", f"/v1/tasks/{name}/stdin", b"go\n").status == 200


def test_lines_say_their_stream_and_can_be_chosen_by_it(service: Service) -> None:
    create(service, "web", output={"separate": True})
    create(service, "one")
    for name in ("web", "one"):
        until(lambda name=name: len(lines(service, name)) == 2)

    service.kill_manager()  # Both pipes go to the next one.
    service.wait_generation(2)
    for name in ("web", "one"):
        go_on(service, name)
        until(lambda name=name: len(lines(service, name)) == 4)

    assert sorted(lines(service, "web")) == [
        ("err", "err 1"),
        ("err", "err 2"),
        ("out", "out 1"),
        ("out", "out 2"),
    ]
    assert lines(service, "web", "&stream=err") == [("err", "err 1"), ("err", "err 2")]
    assert lines(service, "web", "&stream=out") == [("out", "out 1"), ("out", "out 2")]
    assert [text for _, text in lines(service, "one")] == ["out 1", "err 1", "out 2", "err 2"]
    assert {stream for stream, _ in lines(service, "one")} == {"out"}


def test_both_pipes_are_opened_again_after_the_keepers_death(service: Service) -> None:
    trap = "trap 'echo out 2; echo err 2 >&2' USR1; echo out 1; while :; do sleep 0.02; done"
    create(service, "web", cmd=trap, stdin="null", output={"separate": True})
    until(lambda: lines(service, "web"))
    service.kill_keeper()
    until(lambda: not service.managers())

    service.start()
    service.request("POST", "/v1/tasks/web/signal?signal=USR1")

    until(lambda: {("err", "err 2"), ("out", "out 2")} <= set(lines(service, "web")))


def test_telling_errors_apart_takes_a_restart(service: Service) -> None:
    create(service, "web", cmd="sleep 1000", stdin="null")

    answer = service.request("PATCH", "/v1/tasks/web?dry_run=1", {"output": {"separate": True}})
    other = service.request("PATCH", "/v1/tasks/web?dry_run=1", {"output": {"quota": "1M"}})

    assert answer.body["restarts"] == ["web:0"]
    assert other.body["restarts"] == []

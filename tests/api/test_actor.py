"""Who is behind what happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from proctor.api.actor import actor_of
from proctor.client.sync import Client

from .live import live
from .support import Running

ME = "root" if os.getuid() == 0 else f"uid {os.getuid()}"


@pytest.mark.parametrize(
    ("agent", "name", "actor"),
    [
        ("", "", "10.0.0.7"),
        ("curl/8.5.0", "", "10.0.0.7 via curl"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "", "10.0.0.7 via browser"),
        ("deploy.py proctor-client/1", "Zo\u00eb", "10.0.0.7 via deploy.py for Zo\u00eb"),
        ("", " a\tb\x7f ", "10.0.0.7 for a b"),
        ("<script>", "x" * 200, "10.0.0.7 for " + "x" * 80),
    ],
)
def test_what_is_known_comes_first_then_what_the_caller_says(
    agent: str, name: str, actor: str
) -> None:
    head = [(b"user-agent", agent.encode()), (b"x-proctor-actor", name.encode())]

    assert actor_of("10.0.0.7", head) == actor


def actors(server: Running, kind: str) -> list[str]:
    answer = server.request("GET", "/v1/history?limit=100")
    return [event["actor"] for event in answer.json["events"] if event["kind"] == kind][::-1]


def test_events_say_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/deploy now.py"])
    monkeypatch.setenv("PROCTOR_ACTOR", "alice\r\nX: y")
    from proctor.client.calls import user_agent

    user_agent.cache_clear()
    spec = {"type": "daemon", "cmd": "serve"}
    with live(tmp_path) as (server, _):
        with Client(f"unix:{server.unix}") as client:
            client.put("a", spec)
        with Client(f"http://127.0.0.1:{server.port}") as client:
            client.put("b", spec)
        body = {"name": "c", "replica": 1, **spec}
        server.request("POST", "/proc", body, {"X-Proctor-Actor": "bob"})
        for path in ("tasks/a/stop", "tasks/a/disable", "tasks/b/scale?replica=2"):
            assert server.request("POST", f"/v1/{path}", headers={"User-Agent": "curl/1"}).status
        found = actors(server, "task.created")
        updated = actors(server, "task.updated")
    user_agent.cache_clear()

    assert found == [
        f"{ME} via deploy-now.py for alice X: y",
        "127.0.0.1 via deploy-now.py for alice X: y",
        "127.0.0.1 for bob",
    ]
    assert updated == ["127.0.0.1 via curl"] * 2

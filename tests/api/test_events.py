"""/v1/events, over HTTP and over WebSockets."""

from __future__ import annotations

import http.client
import json
import logging
import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from proctor.core.changes import Changes
from proctor.core.model import Note

from .live import Live, live
from .support import GENEROUS, Running


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Running, Live]]:
    with live(tmp_path) as both:
        yield both


@pytest.fixture
def server(both: tuple[Running, Live]) -> Running:
    return both[0]


def watch(server: Running, query: str = "", **options: Any) -> ClientConnection:
    uri = f"ws://127.0.0.1:{server.port}/v1/events{query}"
    options = {"max_queue": None} | options
    return connect(uri, open_timeout=GENEROUS, proxy=None, **options)


def read(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(GENEROUS)) for _ in range(count)]


def over_http(server: Running, query: str, accept: str = "application/x-ndjson") -> Iterator[Any]:
    """Yield what comes: parsed JSON lines, or raw lines."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GENEROUS)
    with closing(connection):
        connection.request("GET", f"/v1/events{query}", headers={"Accept": accept})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        while line := response.readline():
            if line.strip():
                yield json.loads(line) if "json" in accept else line


def notes(live_: Live, server: Running, count: int, task: str = "web") -> None:
    """Have so many things happen in one turn."""
    server.call(lambda: happen(live_, count, task))


def happen(live_: Live, count: int, task: str = "web") -> None:
    made = [Note(1.0, "replica.up", task, 0, n, None, "why", "policy") for n in range(count)]
    live_.store.save(Changes(notes=made))
    live_.opened.history.saved([], made, 1.0)


def make(server: Running, name: str, **fields: Any) -> None:
    body = {"name": name, "type": "daemon", "cmd": "serve", **fields}
    assert server.request("POST", "/v1/tasks", body).status == 201
    done = server.request("POST", f"/v1/tasks/{name}/start?wait=30").json
    assert done["state"] == "done"


def test_a_websocket_says_what_server_sent_events_say(server: Running) -> None:
    with watch(server) as socket:
        make(server, "web")
        events = read(socket, 2)

    assert [e["id"] for e in events] == [1, 2]
    assert list(over_http(server, "?after=0&limit=2")) == events
    lines = list(over_http(server, "?after=1&limit=1", "text/event-stream"))
    assert lines[1] == b"id: 2\n"
    assert json.loads(lines[2].removeprefix(b"data: ")) == events[1]


def test_one_that_comes_again_misses_nothing_and_sees_nothing_twice(
    both: tuple[Running, Live],
) -> None:
    server, parts = both
    notes(parts, server, 20)
    found: list[int] = []
    for part in range(5):
        notes(parts, server, 100 * part)
        with watch(server, f"?after={len(found)}") as socket:
            notes(parts, server, 1)
            found += [e["id"] for e in read(socket, 20 + part)]

    assert found == list(range(1, len(found) + 1))


@pytest.mark.parametrize("after", [4, 11])
def test_what_is_not_kept_is_refused_by_the_handshake(
    both: tuple[Running, Live], after: int
) -> None:
    server, parts = both
    notes(parts, server, 10)
    server.call(lambda: parts.store.prune_events(4))  # 7 to 10 are left.

    with pytest.raises(InvalidStatus) as refused:
        watch(server, f"?after={after}")

    assert refused.value.response.status_code == 410
    assert b"only events 7 to 10 are kept" in (refused.value.response.body or b"")


def test_what_belongs_to_our_own_tasks_is_not_shown_unless_asked_for(
    both: tuple[Running, Live],
) -> None:
    server, parts = both
    notes(parts, server, 2, task="@melang")
    notes(parts, server, 1)

    assert [e["task"] for e in over_http(server, "?after=0&limit=1")] == ["web"]
    shown = over_http(server, "?after=0&limit=3&internal=true")
    assert [e["task"] for e in shown] == ["@melang", "@melang", "web"]


def test_only_what_is_selected_is_sent(both: tuple[Running, Live]) -> None:
    server, parts = both
    for name in ("web", "db", "worker"):
        notes(parts, server, 1, task=name)

    with watch(server, "?after=0&task=w*:0,nothing&limit=2") as socket:
        assert [e["task"] for e in read(socket, 2)] == ["web", "worker"]


def test_a_client_that_reads_nothing_holds_nobody_up_and_can_go_on_later(
    both: tuple[Running, Live],
) -> None:
    server, parts = both
    with watch(server, max_queue=1, close_timeout=0), watch(server) as socket:
        for _ in range(30):  # More than there is room for in buffers and in memory.
            notes(parts, server, 1000)
        found = [e["id"] for e in read(socket, 30_000)]

        assert found == list(range(1, 30_001))


def test_a_client_that_vanishes_in_the_midst_is_nothing_to_log(
    both: tuple[Running, Live], caplog: pytest.LogCaptureFixture
) -> None:
    server, live_ = both
    client = sockets.create_connection(("127.0.0.1", server.port), GENEROUS)
    client.sendall(
        b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert client.recv(4096).startswith(b"HTTP/1.1 101")
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))

    def vanish() -> None:
        client.close()  # With a reset: the first event cannot be written any more.
        happen(live_, 100)

    with caplog.at_level(logging.WARNING):
        server.call(vanish)
        with watch(server, "?after=99") as other:
            assert read(other, 1)[0]["id"] == 100
    assert caplog.messages == []

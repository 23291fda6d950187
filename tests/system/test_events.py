"""/v1/events of a real service: nothing is missed and nothing comes twice, whatever happens."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from .service import PATIENCE, Service, until

pytestmark = pytest.mark.slow


def watch(service: Service, after: int | None = None, **options: Any) -> ClientConnection:
    query = "" if after is None else f"?after={after}"
    uri = f"ws://127.0.0.1:{service.port}/v1/events{query}"
    options = {"max_queue": None, "open_timeout": PATIENCE} | options
    return connect(uri, proxy=None, **options)


def faithfully(service: Service, after: int) -> Iterator[dict[str, Any]]:
    """Yield the events behind `after`, connecting again as often as it takes."""
    while True:
        try:
            with watch(service, after) as socket:
                while True:
                    event = json.loads(socket.recv(PATIENCE))
                    after = event["id"]
                    yield event
        except (ConnectionClosed, InvalidHandshake, OSError, EOFError):
            pass  # The manager was killed.


def last_event(service: Service) -> int:
    return int(service.query("SELECT max(id) FROM event")[0][0])


def test_killing_the_manager_again_and_again_loses_no_event_and_repeats_none(
    service: Service,
) -> None:
    service.must_post("busy", "sleep 0.2", "daemon", 3, interval=0.05)
    events = faithfully(service, 0)
    found = []
    for _ in range(3):
        found += [next(events) for _ in range(20)]
        service.kill_manager(signal.SIGKILL)
    service.delete("busy")
    end = last_event(service)
    while not found or found[-1]["id"] < end:
        found.append(next(events))
    events.close()

    assert [event["id"] for event in found] == list(range(1, len(found) + 1))
    kept = service.query("SELECT id, kind, task, actor FROM event ORDER BY id")
    assert [(e["id"], e["kind"], e["task"], e.get("actor", "")) for e in found] == kept[
        : len(found)
    ]


def test_a_client_that_reads_nothing_slows_neither_tasks_nor_other_clients(
    service: Service,
) -> None:
    service.must_post("many", "true", "once", 100)
    with watch(service, max_queue=1, close_timeout=0), watch(service, 0) as socket:
        for _ in range(10):
            service.wait_idle()
            assert service.put("many").status == 200
        service.wait_idle()
        end = until(lambda: last if (last := last_event(service)) > 2000 else 0)
        found = [json.loads(socket.recv(PATIENCE))["id"] for _ in range(end)]

    assert found == list(range(1, end + 1))

"""A service that may open few files: it starts what it can, says so, and stays usable."""

from __future__ import annotations

import os
import socket

from .conftest import Instance
from .service import until

LIMITED = ("sh", "-c", 'ulimit -n 64; exec "$0" "$@"')


def test_more_replicas_than_there_are_descriptors_are_refused_in_words(instance: Instance) -> None:
    service = instance().start(prefix=LIMITED)
    service.must_post("crowd", "echo begun; exec sleep 1000", "daemon", 100, interval=1)

    task = until(
        lambda: (
            t
            if "ulimit -n" in (t := service.request("GET", "/v1/tasks/crowd").body)["reason"]
            else None
        )
    )

    assert task["state"] == "backoff"
    assert task["reason"].startswith("too many open files: the service's limit of 64")
    ups = [r for r in task["replicas"] if r["state"] == "up"]
    assert 2 <= len(ups) < 40
    assert until(
        lambda: [o for o in service.output("crowd").values() if o] == [b"begun\n"] * len(ups)
    )
    # It can start something else as soon as there is room, and stop what it likes.
    assert service.delete("crowd", "&wait=true").status == 200
    service.must_post("other", "echo here")
    assert service.wait_ends("other") == [(0, 0, None, None)]
    assert service.stop() == 0


def test_replicas_that_print_in_turn_share_few_open_files(instance: Instance) -> None:
    service = instance().start(prefix=LIMITED)
    service.must_post("turns", "for i in 1 2 3; do echo $i; sleep 0.05; done", "once", 4)
    service.wait_ends("turns", 4)

    files = f"/proc/{service.manager_pid()}/fd"
    names = {
        os.readlink(f"{files}/{fd}") for fd in os.listdir(files) if os.path.lexists(f"{files}/{fd}")
    }

    assert service.output("turns") == {f"turns:{n}": b"1\n2\n3\n" for n in range(4)}
    assert not [name for name in names if "/logs/" in name]


def test_a_crowd_of_clients_is_refused_without_running_out_of_files(instance: Instance) -> None:
    service = instance().start(prefix=LIMITED)
    crowd = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]
    try:
        refused = [client.recv(12) for client in crowd[-50:]]
    finally:
        for client in crowd:
            client.close()

    assert refused == [b"HTTP/1.1 503"] * 50
    until(lambda: service.request("GET", "/proc").status == 200)
    assert not [text for text in service.text if "cannot_accept" in text or "accept()" in text]

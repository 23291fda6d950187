"""Sockets that belong to the service, and are passed to tasks."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from .service import Answer, Service, until

SERVER = [sys.executable, "-I", str(Path(__file__).with_name("http_server.py"))]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def create(service: Service, address: str, **more: object) -> Answer:
    sock = {"name": "http", "address": address} | ({"activate": True} if "on" in more else {})
    more.pop("on", None)
    body = {"name": "web", "type": "daemon", "cmd": SERVER, "sockets": [sock], **more}
    return service.request("POST", "/v1/tasks", body)


def ask(address: str) -> int:
    """Return the pid of who answers a request."""
    with closing(http.client.HTTPConnection("127.0.0.1", timeout=30)) as client:
        client.sock = _connected(address)
        client.request("GET", "/")
        response = client.getresponse()
        assert response.status == 200
        return int(response.read())


def _connected(address: str) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), 30)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(30)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def is_free(address: str) -> bool:
    try:
        with closing(_connected(address)):
            return False
    except (ConnectionRefusedError, FileNotFoundError):
        return True


class Load:
    """Requests from several threads until `stop`; `pids` answered, `failures` did not."""

    def __init__(self, address: str, threads: int = 4) -> None:
        self._address = address
        self._over = threading.Event()
        self.pids: list[int] = []
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                self.pids.append(ask(self._address))
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(error)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_no_request_fails_while_replicas_and_managers_are_replaced(service: Service) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert create(service, address, replica=4).status == 201
    before = set(service.wait_running("web", 4))
    load = Load(address)
    try:
        until(lambda: set(load.pids) >= before)
        rolled = service.request("POST", "/v1/tasks/web/restart?roll=true&wait=60")
        service.kill_manager()
        service.wait_generation(2)
        seen = len(load.pids)
        until(lambda: len(load.pids) > seen + 20)
        service.request("POST", "/v1/tasks/web/restart?wait=60")
        seen = len(load.pids)
        until(lambda: len(load.pids) > seen + 20)
    finally:
        load.stop()

    assert (rolled.status, rolled.body["state"]) == (200, "done")
    assert load.failures == []
    after = set(service.running("web"))
    assert len(after) == 4
    assert not after & before
    assert load.pids[-1] in after


def test_a_socket_goes_with_its_task(service: Service, tmp_path: Path) -> None:
    address = str(tmp_path / "web.sock")
    assert create(service, address).status == 201
    (pid,) = service.wait_running("web")
    assert ask(address) == pid
    assert os.stat(address).st_mode & 0o777 == 0o666

    service.request("POST", "/v1/tasks/web/stop?wait=30")
    assert not is_free(address)  # Who comes waits for the next start.
    service.delete("web")

    until(lambda: is_free(address))
    assert not os.path.exists(address)


def test_an_update_moves_the_socket(service: Service) -> None:
    first, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
    create(service, first)
    service.wait_running("web")

    patch = {"sockets": [{"name": "http", "address": second}]}
    answer = service.request("PATCH", "/v1/tasks/web", patch)

    assert answer.status == 200, answer
    until(lambda: is_free(first))
    assert ask(second) in service.wait_running("web")


def test_a_port_in_use_is_refused_with_the_field(service: Service) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = create(service, address)
        both = create(
            service,
            f"127.0.0.1:{free_port()}",
            sockets=[{"name": "a", "address": other(address)}, {"name": "b", "address": address}],
        )

    assert (answer.status, answer.body["field"]) == (409, "sockets[0].address")
    assert answer.body["type"] == "urn:proctor:error:cannot_listen"
    assert address in answer.body["detail"]
    assert both.body["field"] == "sockets[1].address"
    assert service.get()["tasks"] == {}
    assert create(service, other(address)).status == 201  # It was let go again.


def other(address: str) -> str:
    """Return the same port on another loopback address."""
    return address.replace("127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize("address", ["tcp", "unix"])
def test_the_first_connection_starts_the_task(
    service: Service, tmp_path: Path, address: str
) -> None:
    address = f"127.0.0.1:{free_port()}" if address == "tcp" else str(tmp_path / "s")
    answer = create(service, address, on=True)
    assert answer.body["task"]["state"] == "stopped"
    assert answer.body["task"]["reason"] == "starts at the first connection"
    assert service.running("web") == []

    pid = ask(address)

    assert service.wait_running("web") == [pid]
    runs = service.request("GET", "/v1/tasks/web/runs").body["runs"]
    assert [run["trigger"] for run in runs] == ["connection"]


def test_what_ends_by_itself_is_started_by_the_next_connection(service: Service) -> None:
    address = f"127.0.0.1:{free_port()}"
    create(service, address, on=True, type="once", cmd=[*SERVER, "once"], interval=0)

    first = ask(address)
    until(lambda: service.ends("web"))
    service.kill_manager()
    service.wait_generation(2)
    second = ask(address)

    assert first != second
    service.wait_ends("web", 2)


def test_who_stops_a_task_is_obeyed_by_connections(service: Service) -> None:
    address = f"127.0.0.1:{free_port()}"
    create(service, address, on=True)
    ask(address)
    service.request("POST", "/v1/tasks/web/stop?wait=30")

    with closing(_connected(address)) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert service.running("web") == []
        service.request("POST", "/v1/tasks/web/start?wait=30")
        assert waiting.recv(12) == b"HTTP/1.1 200"

"""What keeps web pages and strangers from a service that runs shell commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from proctor.api import proc
from proctor.api.accept import Acceptance
from proctor.api.app import PUBLIC, PUBLIC_UNDER, ApiSettings, Parts
from proctor.api.groups import all_groups
from proctor.api.oapi import Group
from proctor.api.ports import Service
from proctor.clock import SystemClock
from proctor.metrics.metrics import Metrics

from .support import MemoryManager, Running, read_all, running, task

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost"},
        {"Origin": ""},
        {"Origin": "file://"},
        {"Origin": "chrome-extension://abcdef"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "anything"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=str,
)
def test_a_page_of_another_site_gets_nowhere(server: Running, headers: dict[str, str]) -> None:
    response = server.request("POST", "/proc", task(), {"Content-Type": FORM, **headers})

    assert (response.status, response.json["code"]) == (403, 403)
    assert "access-control-allow-origin" not in response.headers
    assert server.manager.specs == {}
    for path in ("/proc", "/docs", "/openapi.json", "/nothing"):
        assert server.request("GET", path, None, headers).status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8606",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "127.0.0.1 evil",
        "evil@127.0.0.1",
        "127.0.0.1:x",
        "127.0.0.1, evil",
        "notlocalhost",
        "300.0.0.1",
        "[::1",
        "",
        "é",
    ],
)
def test_a_host_that_is_not_ours_gets_nowhere(server: Running, host: str) -> None:
    request = f"GET /proc HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = server.raw(request.encode())

    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8606",
        "localhost.:1",
        "app.localhost",
        "127.0.0.1",
        "127.1:8606",
        "127.255.0.9",
        "2130706433",
        "0x7f.1",
        "[::1]:8606",
        "[::ffff:127.0.0.1]",
    ],
)
def test_every_way_to_say_loopback_is_ours(server: Running, host: str) -> None:
    request = f"GET /proc HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = server.raw(request.encode())

    assert answer.startswith(b"HTTP/1.1 200")


def test_our_own_page_may_do_everything(server: Running) -> None:
    own = {
        "Origin": f"http://127.0.0.1:{server.port}",
        "Sec-Fetch-Site": "same-origin",
    }

    assert server.request("POST", "/proc", task(), own).status == 200


def test_an_address_typed_into_the_browser_is_no_other_site(server: Running) -> None:
    assert server.request("GET", "/docs", None, {"Sec-Fetch-Site": "none"}).status == 200


@pytest.mark.parametrize("name", ["Host", "Origin", "Sec-Fetch-Site", "Authorization"])
def test_a_header_that_decides_is_taken_once_only(server: Running, name: str) -> None:
    lines = "Host: localhost\r\n" + f"{name}: localhost\r\n" * 2
    answer = server.raw(f"GET /proc HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 400")


def test_configured_names_are_ours_as_host_and_as_origin(tmp_path: Path) -> None:
    with running(tmp_path, hosts=("Box.example", "10.1.2.3")) as server:
        for host in ("box.example:1", "10.1.2.3", "localhost"):
            assert server.request("GET", "/proc", None, {"Host": host}).status == 200
        assert server.request("GET", "/proc", None, {"Host": "10.1.2.4"}).status == 403
        proxied = {"Host": "localhost", "Origin": "https://box.example"}
        assert server.request("GET", "/proc", None, proxied).status == 200
        other = {"Host": "localhost", "Origin": "https://box.example.evil"}
        assert server.request("GET", "/proc", None, other).status == 403


def test_a_page_at_our_address_but_of_another_port_is_anothers(tmp_path: Path) -> None:
    with running(tmp_path, bound=("10.1.2.3",)) as server:
        own = {"Host": "10.1.2.3:8606", "Origin": "http://10.1.2.3:8606"}
        assert server.request("GET", "/proc", None, own).status == 200
        other = {"Host": "10.1.2.3:8606", "Origin": "http://10.1.2.3:3000"}
        assert server.request("GET", "/proc", None, other).status == 403


def test_bound_to_all_addresses_every_address_but_no_name_is_ours(tmp_path: Path) -> None:
    with running(tmp_path, any_address=True) as server:
        for host in ("192.168.7.7:8606", "[fe80::1]", "0.0.0.0"):
            assert server.request("GET", "/proc", None, {"Host": host}).status == 200
        assert server.request("GET", "/proc", None, {"Host": "evil.example"}).status == 403


def test_through_the_unix_socket_every_host_is_ours_but_no_foreign_page(server: Running) -> None:
    for extra, expected in ((b"", b"200"), (b"Origin: https://evil.example\r\n", b"403")):
        with server.connect_unix() as sock:
            head = b"GET /proc HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n"
            sock.sendall(head + extra + b"\r\n")
            assert read_all(sock).startswith(b"HTTP/1.1 " + expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer s3cret-token-and-more",
        "Bearer s3cret",
        "Basic czNjcmV0",
        "s3cret-token",
        "Bearer \xff",
    ],
)
def test_without_the_token_nothing_is_done(tmp_path: Path, value: str | None) -> None:
    with running(tmp_path, token="s3cret-token") as server:
        headers = {} if value is None else {"Authorization": value}

        response = server.request("POST", "/proc", task(), headers)

        assert (response.status, response.json["code"]) == (401, 401)
        assert response.headers["www-authenticate"] == 'Bearer realm="proctor"'
        assert server.manager.specs == {}
        assert server.request("GET", "/nothing", None, headers).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_the_token_all_is_as_ever(tmp_path: Path, scheme: str) -> None:
    with running(tmp_path, token="s3cret-token") as server:
        headers = {"Authorization": f"{scheme} s3cret-token"}

        assert server.request("POST", "/proc", task(), headers).status == 200


def test_the_documentation_needs_no_token(tmp_path: Path) -> None:
    with running(tmp_path, token="s3cret-token") as server:
        for path in ("/docs", "/docs/start.js", "/openapi.json"):
            assert server.request("GET", path).status == 200


def test_a_token_does_not_let_other_sites_in(tmp_path: Path) -> None:
    with running(tmp_path, token="s3cret-token") as server:
        headers = {"Authorization": "Bearer s3cret-token", "Origin": "https://evil.example"}

        assert server.request("GET", "/proc", None, headers).status == 403


def test_what_needs_no_token_is_what_the_operations_say(tmp_path: Path) -> None:
    """The guard knows it before the operations are made."""

    def whole(manager: MemoryManager) -> Sequence[Group]:
        accept = Acceptance(lambda spec: None)
        figures = Metrics(manager.world, manager.history, lambda events: None, SystemClock().now)
        seed_group = proc.group(proc.Proc(manager, accept, tmp_path))
        settings = ApiSettings(log_root=tmp_path)
        return all_groups(Parts(manager, settings, accept, Service(), figures, seed_group))  # type: ignore[arg-type]

    with running(tmp_path) as server:
        groups = server.call(lambda: whole(server.manager))

    operations = [op for group in groups for op in group.operations]
    public = {op.path for op in operations if op.public}
    assert {p for p in public if not p.startswith(PUBLIC_UNDER)} == PUBLIC
    for op in operations:
        assert op.public or not op.path.startswith(PUBLIC_UNDER)


def test_proc_is_answered_before_the_rest_of_the_api_is_made() -> None:
    """Making it takes longer than all the rest of the start."""
    code = (
        "import sys; import proctor.daemon\n"
        "print(*(m.removeprefix('proctor.') for m in sys.modules if m.startswith('proctor.')))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    loaded = set(answer.stdout.decode().split())
    assert "api.proc" in loaded
    assert not loaded & {"api.groups", "api.v1", "api.openapi", "api.attach", "api.schemas.tasks"}
    assert not loaded & {"metrics.sampler", "metrics.exposition", "client", "cli"}

"""The examples of docs/scripts.md, executed."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from ..system.service import Service
from .conftest import Script
from .test_melang import host_of, log, wait_log

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text()
EXAMPLES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_script_serves_a_tcp_echo_and_tells_another_over_mq(
    service: Service, script: Script
) -> None:
    port = free_port()
    service.must_post("count", script("count.m", EXAMPLES["count.m"]), "melang")
    path = script("echo.m", EXAMPLES["echo.m"])
    service.must_post("echo", path, "melang", labels={"port": str(port)})
    wait_log(service, "echo", f"echo:0 listens on {port}\n".encode())

    for words in (b"good day", b"bye"):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(words)
            assert connection.recv(100) == words

    assert wait_log(service, "count", b"11 bytes") == b"8 bytes so far\n11 bytes so far\n"
    assert service.running("echo") == service.running("count") == [host_of(service)]


def test_a_python_function_prints_and_logs(service: Service, script: Script) -> None:
    service.must_post("shop", script("shop.py", EXAMPLES["shop.py"]), "python")

    assert service.wait_ends("shop") == [(0, 0, None, None)]
    expected = b"this is shop:0\n" + b"".join(b"INFO:shop:round %d\n" % n for n in range(3))
    assert log(service, "shop") == expected

"""Whatever is posted, the answer is one of those that are announced, and never a 500."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proctor.api.schemas import EXPECTED

from .support import Running, read_all, running, task

FIELDS = [name for name in EXPECTED if name != "wait"]
QUIET = settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from([*FIELDS, "x"]) | st.text(max_size=5)
limits = st.dictionaries(
    st.sampled_from(["nofile", "core", "locks"]),
    st.none() | st.integers() | st.lists(st.none() | st.integers(), max_size=3) | anything,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path: Path = tmp_path_factory.mktemp("api")
    with running(path) as server:
        yield server


def check(fuzzed: Running, body: bytes) -> None:
    response = fuzzed.post(body)

    answer: dict[str, Any] = response.json
    assert response.status in (200, 400, 409, 422, 501)
    assert answer["code"] == response.status
    assert isinstance(answer["msg"], str)
    assert set(answer) <= {"code", "msg", "field"}
    assert len(response.body) < 5000


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes(fuzzed: Running, body: bytes) -> None:
    check(fuzzed, body)


@QUIET
@given(anything)
def test_any_json(fuzzed: Running, value: object) -> None:
    check(fuzzed, json.dumps(value).encode())


@QUIET
@given(st.dictionaries(names, anything, max_size=6))
def test_a_good_body_with_anything_in_it(fuzzed: Running, changes: dict[str, Any]) -> None:
    check(fuzzed, json.dumps(task() | changes).encode())


@QUIET
@given(limits)
def test_limits_of_any_shape(fuzzed: Running, value: object) -> None:
    check(fuzzed, json.dumps(task(rlimits=value)).encode())


@QUIET
@given(st.data())
def test_a_good_body_with_a_few_bytes_changed(fuzzed: Running, data: st.DataObject) -> None:
    body = bytearray(json.dumps(task(env={"A": "é\n"}, rlimits={"nofile": [1, 2]})).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))

    check(fuzzed, bytes(body))


class Errors(logging.Handler):
    """Collects what is logged as an error: a fault of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    handler = Errors()
    loggers = [logging.getLogger("proctor.api"), logging.getLogger("asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler.found
    for logger in loggers:
        logger.removeHandler(handler)


def http(body: bytes) -> bytes:
    head = b"POST /proc?a=%41 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    return head + chunked + b"GET /proc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@QUIET
@given(st.data())
def test_any_bytes_on_the_wire(fuzzed: Running, errors: list[str], data: st.DataObject) -> None:
    wire = bytearray(http(json.dumps(task()).encode()))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wire) - 1))
        wire[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    with fuzzed.connect() as sock:
        sock.sendall(wire)
        sock.shutdown(socket.SHUT_WR)
        try:
            answer = read_all(sock)
        except ConnectionResetError:
            answer = b""

    assert not answer or answer.startswith((b"HTTP/1.1 1", b"HTTP/1.1 2", b"HTTP/1.1 4"))
    assert b"HTTP/1.1 500" not in answer
    assert errors == []

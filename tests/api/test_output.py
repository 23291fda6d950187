from __future__ import annotations

import asyncio
import base64
import json
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctor.api.accept import Acceptance
from proctor.api.oapi import NOTHING, Call
from proctor.api.proc import PIECE, NameQuery, Proc, encoded
from proctor.core.model import ReplicaId
from proctor.core.spec import Spec, TaskType
from proctor.logs.writer import LogWriter

from .support import GENEROUS, MemoryManager, Running, running, task


def write_log(root: Path, id: ReplicaId, run: int, data: bytes) -> None:
    """Have the real writer put `data` on file as the output of a run."""
    writer = LogWriter(root)
    reading, writing = os.pipe()
    writer.attach(id, run, reading)
    with open(writing, "wb") as pipe:
        pipe.write(data)
    writer.drain(run).result(GENEROUS)
    writer.close()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def test_output_is_base64_by_alias_and_empty_where_there_is_none(
    server: Running, logs: Path
) -> None:
    server.post(task(replica=2))
    write_log(logs, ReplicaId("task1", 0), 1, b"hello\n\xff\x00")

    response = server.request("GET", "/proc/output?name=task1")

    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json == {
        "code": 200,
        "msg": "OK",
        "data": {"task1:0": base64.b64encode(b"hello\n\xff\x00").decode(), "task1:1": ""},
    }


def test_what_is_still_in_the_pipes_is_put_on_file_first(tmp_path: Path, logs: Path) -> None:
    id = ReplicaId("task1", 0)

    def flush() -> Future[None]:
        write_log(logs, id, 1, b"last words")
        done: Future[None] = Future()
        done.set_result(None)
        return done

    async def read() -> bytes:
        manager = MemoryManager()
        manager.submit(Spec("task1", TaskType.ONCE, "true"), actor="test")
        handlers = Proc(manager, Acceptance(lambda spec: None), logs, flush)
        call = Call(NameQuery("task1"), NOTHING, {}, None)
        stream = await handlers.output(call)
        return b"".join([piece async for piece in stream.chunks])

    document = json.loads(asyncio.run(read()))
    assert base64.b64decode(document["data"]["task1:0"]) == b"last words"


def test_large_output_comes_whole(server: Running, logs: Path) -> None:
    server.post(task(replica=1))
    data = os.urandom(3_000_001)
    write_log(logs, ReplicaId("task1", 0), 1, data)

    response = server.request("GET", "/proc/output?name=task1")

    assert base64.b64decode(response.json["data"]["task1:0"]) == data


def test_a_log_is_never_whole_in_memory(server: Running, logs: Path) -> None:
    server.post(task(replica=1))
    write_log(logs, ReplicaId("task1", 0), 1, bytes(50_000_000))

    tracemalloc.start()
    tracemalloc.reset_peak()
    try:
        with server.connect() as sock:
            sock.sendall(b"GET /proc/output?name=task1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = 0
            while received < 66_000_000:
                received += len(sock.recv(1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 16_000_000


def test_output_is_only_of_tasks_that_exist(server: Running, logs: Path) -> None:
    write_log(logs, ReplicaId("gone", 0), 1, b"secret")

    for name in ("gone", "..", "../logs/gone", "%2e%2e%2fx", "a%00"):
        response = server.request("GET", f"/proc/output?name={name}")
        assert (response.status, response.json["field"]) == (404, "name")


def test_without_a_name_the_request_is_bad(server: Running) -> None:
    for path in ("/proc/output", "/proc/output?name="):
        response = server.request("GET", path)
        assert (response.status, response.json["field"]) == (400, "name")


def test_only_get_is_allowed(server: Running) -> None:
    response = server.request("POST", "/proc/output?name=a")

    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_logs_that_cannot_be_read_are_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task1").write_text("no directory")
    with running(tmp_path) as server:
        server.post(task())

        response = server.request("GET", "/proc/output?name=task1")

    assert response.status in (200, 500)
    assert b"Traceback" not in response.body
    assert json.loads(response.body)["code"] == response.status


@given(st.lists(st.binary(max_size=2 * PIECE), max_size=4))
def test_the_pieces_are_the_base64_of_the_whole(chunks: list[bytes]) -> None:
    pieces: Iterator[bytes] = encoded(iter(chunks))

    assert b"".join(pieces) == base64.b64encode(b"".join(chunks))

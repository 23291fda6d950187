"""What is sent to the standard input of tasks."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from .service import Answer, Service, until

HASH = "import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),flush=True)"


def create(service: Service, name: str, cmd: object, **more: object) -> None:
    body = {"name": name, "type": "daemon", "cmd": cmd, **more}
    answer = service.request("POST", "/v1/tasks", body)
    assert answer.status == 201, answer
    service.wait_running(name, int(str(more.get("replica", 1))))


def send(service: Service, name: str, data: bytes, query: str = "") -> Answer:
    return service.request("POST", f"/v1/tasks/{name}/stdin{query}", data)


def test_what_is_sent_arrives_and_its_end_too(service: Service) -> None:
    create(service, "sum", [sys.executable, "-c", HASH], stdin="pipe", type="once")
    data = bytes(range(256)) * 3000  # More than a pipe holds.

    first = send(service, "sum", data)
    last = send(service, "sum:0", b"", "?eof=true")

    run = first.body["run"]
    assert first.body == {"alias": "sum:0", "run": run, "written": len(data), "closed": False}
    assert last.body == {"alias": "sum:0", "run": run, "written": 0, "closed": True}
    assert service.wait_ends("sum") == [(0, 0, None, None)]
    expected = hashlib.sha256(data).hexdigest()
    until(lambda: service.output("sum")["sum:0"].decode() == expected + "\n")


def test_it_survives_managers(service: Service) -> None:
    create(service, "cat", ["cat"], stdin="pipe")
    send(service, "cat", b"one\n")

    service.kill_manager()
    service.wait_generation(2)
    assert send(service, "cat", b"two\n").status == 200
    assert service.request("POST", "/v1/reload").status == 202
    service.wait_generation(3)
    assert send(service, "cat", b"three\n", "?eof=true").status == 200

    assert service.wait_ends("cat")[0] == (0, 0, None, None)
    until(lambda: service.segments("cat") == b"one\ntwo\nthree\n")


def test_who_does_not_read_holds_nobody_up(service: Service) -> None:
    create(service, "deaf", ["sleep", "1000"], stdin="pipe")
    data = b"x" * 200_000

    answer = send(service, "deaf", data, "?wait=0.05")

    assert answer.status == 503
    assert answer.body["type"] == "urn:proctor:error:input_full"
    assert answer.body["written"] == 65536
    assert "65536 of 200000 bytes" in answer.body["detail"]
    assert send(service, "deaf", b"more", "?wait=0").body["written"] == 0
    service.delete("deaf")


def test_of_several_replicas_one_has_to_be_named(service: Service) -> None:
    create(service, "cats", ["cat"], stdin="pipe", replica=2)

    assert send(service, "cats", b"x").body["field"] == "replica"
    assert send(service, "cats:1", b"to one\n").status == 200
    assert send(service, "cats", b"to the other\n", "?replica=0").status == 200

    expected = {"cats:0": b"to the other\n", "cats:1": b"to one\n"}
    until(lambda: service.output("cats") == expected)


def test_what_cannot_be_sent_is_refused(service: Service) -> None:
    create(service, "plain", ["sleep", "1000"])
    create(service, "closed", "exec 0<&-; exec sleep 1000", stdin="pipe")

    assert send(service, "nobody", b"x").status == 404
    plain = send(service, "plain", b"x")
    assert (plain.status, plain.body["type"]) == (409, "urn:proctor:error:no_input")
    until(lambda: send(service, "closed", b"x").status == 409)
    service.request("POST", "/v1/tasks/plain/stop?wait=30")
    assert "does not run" in send(service, "plain", b"x").body["detail"]


def test_a_file_is_read_with_the_rights_of_the_task(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_text("from a file\n")
    create(service, "file", "cat; sleep 1000", stdin=str(file))
    until(lambda: service.output("file")["file:0"] == b"from a file\n")

    service.must_post("gone", "cat", stdin="/no/such/file")
    assert service.wait_ends("gone")[0][3] == "stdin /no/such/file: No such file or directory"
    service.must_post("folder", "cat", stdin="/usr")
    assert service.wait_ends("folder")[0][3] == "stdin /usr: is a directory"
    if os.geteuid() == 0:
        file.chmod(0o600)
        service.must_post("nobody", "cat", stdin=str(file), user="nobody")
        assert service.wait_ends("nobody")[0][3] == f"stdin {file}: Permission denied"

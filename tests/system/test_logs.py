"""The logs of a whole service: followed through reloads and deaths, kept after a task is gone."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from proctor.client import Client
from proctor.client.models import LogLine

from .conftest import Instance
from .service import PATIENCE, Service, until


def lines(service: Service, **query: Any) -> list[dict[str, Any]]:
    answer = service.request("GET", f"/v1/logs?{urlencode(query)}")
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.raw.splitlines() if line]


def texts(service: Service, **query: Any) -> list[str]:
    return [line["text"] for line in lines(service, **query) if "text" in line]


class Follower:
    """What the client yields, in a thread of its own."""

    def __init__(self, service: Service, *select: str, **query: Any) -> None:
        self.lines: list[LogLine] = []
        self.error: Exception | None = None
        self._service = service
        self._arguments = select, query
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        select, query = self._arguments
        with Client(f"http://127.0.0.1:{self._service.port}") as client:
            try:
                for line in client.logs(*select, follow=True, **query):
                    self.lines.append(line)
            except Exception as error:
                self.error = error

    def texts(self) -> list[str]:
        return [line.text for line in self.lines if not line.marker]

    def of(self, task: str) -> list[LogLine]:
        return [line for line in self.lines if line.task == task]

    def wait(self, found: Callable[[list[str]], object]) -> list[str]:
        until(lambda: found(self.texts()))
        return self.texts()


COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done"


def counted(found: list[str]) -> list[str]:
    return [str(n) for n in range(1, len(found) + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["reload", "kill"])
def test_a_follower_misses_and_repeats_nothing_when_the_manager_is_another(
    service: Service, how: str
) -> None:
    service.must_post("count", COUNT, "daemon")
    follower = Follower(service, "count")
    follower.wait(lambda found: len(found) > 20)

    for _ in range(3):
        before, manager = len(follower.texts()), service.manager_pid()
        if how == "reload":
            assert service.request("POST", "/v1/reload").status in (200, 202)
        else:
            service.kill_manager()
        until(lambda old=manager: service.living_manager() not in (0, old))
        follower.wait(lambda found, least=before + 50: len(found) > least)

    found = follower.texts()
    assert found == counted(found)
    assert follower.error is None


def test_a_follower_gets_tasks_and_replicas_that_come_later(service: Service) -> None:
    service.must_post("early", "echo early; exec sleep 1000", "daemon")
    follower = Follower(service, "early", "late*")
    by_label = Follower(service, "label=tier=front", "ns=shop")
    follower.wait(lambda found: found == ["early"])

    service.must_post("late-1", "echo late", labels={"tier": "front"}, namespace="shop")
    service.must_post("late-2", "echo elsewhere", labels={"tier": "front"}, namespace="home")
    follower.wait(lambda found: "elsewhere" in found)
    by_label.wait(lambda found: found == ["late"])
    service.must_post("other", "echo other")
    follower.wait(lambda found: "late" in found)
    answer = service.request("PATCH", "/v1/tasks/early", {"replica": 3})
    assert answer.status == 200, answer
    found = follower.wait(lambda found: found.count("early") == 3)

    assert sorted(found) == ["early", "early", "early", "elsewhere", "late"]
    assert by_label.texts() == ["late"]
    assert sorted(texts(service, label="tier=front", tail=9)) == ["elsewhere", "late"]
    assert texts(service, namespace="shop,x", tail=9) == ["late"]
    assert service.request("GET", "/v1/logs?label=tier=back").status == 404
    late = until(lambda: f if len(f := follower.of("late-1")) == 3 else None)
    assert [line.marker[:7] for line in late] == ["started", "", "exited "]
    service.wait_ends("other")
    assert not follower.of("other")


def test_begin_and_end_of_a_run_enclose_what_it_wrote_also_when_following(
    service: Service,
) -> None:
    service.must_post("many-beats", "while echo beat; do sleep 0.02; done", "daemon")
    follower = Follower(service, "many*")
    follower.wait(lambda found: "beat" in found)  # It follows.
    service.must_post("many", "seq 3000; printf 'no newline'", "once", 3)
    until(lambda: sum(line.marker.startswith("exited") for line in follower.of("many")) == 3)
    service.wait_ends("many", 3)

    wanted = [str(n) for n in range(1, 3001)] + ["no newline"]
    for found in ([LogLine(**e) for e in lines(service, task="many")], follower.of("many")):
        for replica in range(3):
            mine = [line for line in found if line.replica == replica]
            assert mine[0].marker.startswith("started pid=")
            assert mine[-1].marker.startswith("exited 0 after")
            assert [line.text for line in mine[1:-1]] == wanted


def test_a_new_task_does_not_continue_the_log_of_one_that_was_removed(service: Service) -> None:
    service.must_post("again", "echo old")
    service.wait_ends("again")
    assert service.delete("again", "&wait=true").status == 200
    assert texts(service, task="again") == ["old"]  # What is gone is still to be read.

    service.must_post("again", "echo new")
    service.wait_ends("again", 2)

    assert texts(service, task="again") == ["new"]
    assert texts(service, task="again", tail=10) == ["new"]
    assert service.output("again") == {"again:0": b"new\n"}
    assert texts(service, task="again", all="1") == ["old", "new"]
    assert texts(service, task="again", since=0) == ["old", "new"]
    assert [line.get("marker", "")[:7] for line in lines(service, task="again")] == [
        "started", "", "exited "
    ]  # fmt: skip
    raw = service.request("GET", "/v1/tasks/again/replicas/0/output")
    assert raw.raw == b"old\nnew\n"


def test_ranges_of_bytes_are_asked_for_as_of_any_file(service: Service) -> None:
    service.must_post("bytes", "printf 0123456789")
    service.wait_ends("bytes")
    path = "/v1/tasks/bytes/replicas/0/output"

    def part(header: str) -> tuple[int, bytes, str | None]:
        answer = service.request("GET", path, headers={"Range": header})
        return answer.status, answer.raw, answer.headers.get("content-range")

    assert part("bytes=2-4") == (206, b"234", "bytes 2-4/10")
    assert part("bytes=7-") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=-3") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=5-99") == (206, b"56789", "bytes 5-9/10")
    status, problem, kept = part("bytes=10-")
    assert (status, json.loads(problem)["title"], kept) == (
        416, HTTPStatus(416).phrase, "bytes */10"
    )  # fmt: skip
    assert json.loads(problem)["detail"] == "only bytes 0 to 9 are kept"
    assert part("lines=1-2") == (200, b"0123456789", None)
    assert service.request("GET", f"{path}?start=3&stop=5").raw == b"34"
    head = service.request("HEAD", path, headers={"Range": "bytes=2-4"})
    assert (head.status, head.raw, head.headers["content-range"]) == (206, b"", "bytes 2-4/10")


@contextmanager
def unread(service: Service, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """Ask, and do not read the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as c:
        c.request("GET", path, headers=headers)
        yield c.getresponse()


def memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_a_reader_that_stops_reading_slows_nobody_and_costs_no_memory(service: Service) -> None:
    service.must_post("flood", "exec head -c 1 /dev/null; :")  # The first run loads what it takes.
    service.wait_ends("flood")
    go = service.state_dir / "go"
    service.must_post(
        "loud", f"while ! [ -e {go} ]; do sleep 0.05; done; yes {'x' * 60} | head -c 200M"
    )
    with (
        unread(service, "/v1/logs?task=loud&follow=1"),
        unread(service, "/v1/logs?task=l*&follow=1"),
    ):
        before = memory(service.manager_pid())
        go.touch()
        service.wait_ends("loud")  # It ends, though nobody reads.
        grown = memory(service.manager_pid()) - before

    assert grown < 40_000  # KiB; it wrote 200 MiB.
    assert service.request("GET", "/v1/health").status == 200


def test_settings_of_output_hold_for_the_task_and_for_the_service(
    instance: Instance, tmp_path: Path
) -> None:
    settings = tmp_path / "proctor.toml"
    settings.write_text('[output]\nreplica_quota = "512 KiB"\nsegment_size = "128 KiB"\n')
    service = instance("--config", str(settings)).start()
    write = "seq 1000000"  # 6.9 MB
    service.must_post("plain", write)
    body = {"name": "small", "type": "once", "cmd": ["sh", "-c", write]}
    output = {"quota": "64K", "segment_size": "16K"}
    assert service.request("POST", "/v1/tasks", body | {"output": output}).status == 201
    silent = body | {"name": "silent", "output": {"keep": False}}
    assert service.request("POST", "/v1/tasks", silent).status == 201
    for name in ("plain", "small", "silent"):
        service.wait_ends(name)

    sizes = {n: sum(len(o) for o in service.output(n).values()) for n in ("plain", "small")}
    assert 300_000 < sizes["plain"] <= 512 << 10
    assert 30_000 < sizes["small"] <= 64 << 10
    assert texts(service, task="small", tail=1) == ["1000000"]
    assert service.output("silent") == {"silent:0": b""}
    assert not (service.state_dir / "logs" / "silent").exists()


def test_the_service_is_stopped_with_followers_at_once(service: Service) -> None:
    service.must_post("calm", "echo here; exec sleep 1000", "daemon")
    follower = Follower(service, "calm")
    follower.wait(lambda found: found == ["here"])

    service.send(signal.SIGTERM)

    assert service.wait() == 0
    until(lambda: follower.error)
    assert os.path.exists(service.state_dir / "logs" / "calm")


def events_of(service: Service, after: str = "", header: str = "", **query: Any) -> Iterator[Any]:
    """Yield (id, entry) of the server-sent events; the connection ends with the iterator."""
    target = f"/v1/logs?{urlencode({'follow': 1, **query} | ({'after': after} if after else {}))}"
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": header} if header else {})
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        last = ""
        while line := answer.readline():
            if line.startswith(b"id: "):
                last = line[4:].decode().strip()
            elif line.startswith(b"data: "):
                yield last, json.loads(line[6:])


def test_any_event_of_a_log_can_be_resumed_behind(service: Service) -> None:
    service.must_post("one", "seq 1 400; sleep 0.2; seq 401 800")
    service.must_post("two", "seq 1001 1400; sleep 0.2; seq 1401 1800")
    service.wait_ends("one")
    service.wait_ends("two")

    stream = events_of(service)
    whole = [next(stream) for _ in range(1604)]  # With begin and end of both.
    stream.close()

    assert sorted(int(e["text"]) for _, e in whole if "text" in e) == [
        *range(1, 801), *range(1001, 1801)
    ]  # fmt: skip
    for at in (0, 1, 777, 1500, 1602):
        id, _ = whole[at]
        by = {"after": id} if at % 2 else {"header": id}
        stream = events_of(service, **by)
        rest = [next(stream)[1] for _ in range(1603 - at)]
        stream.close()
        assert rest == [entry for _, entry in whole[at + 1 :]], at
    assert service.request("GET", "/v1/logs?follow=1&after=rubbish").status == 400


def id_behind_what_there_is(service: Service, task: str, after: str = "") -> str:
    """Follow until all that there is has come, and return the id that says so."""
    query = {"follow": 1, "task": task} | ({"after": after} if after else {})
    target = f"/v1/logs?{urlencode(query)}"
    with unread(service, target, Accept="text/event-stream") as answer:
        last = line = b""
        while not (last.startswith(b"id: ") and line == b"\n"):
            last, line = line, answer.readline()
        return last[4:].decode().strip()


def test_the_begin_of_a_run_that_writes_nothing_is_not_repeated_to_who_resumes(
    service: Service,
) -> None:
    service.must_post("mute", "sleep 1000", type="daemon")
    service.wait_running("mute")

    once = id_behind_what_there_is(service, "mute")
    twice = id_behind_what_there_is(service, "mute", after=once)
    with closing(events_of(service, twice, task="mute")) as rest:
        assert service.request("POST", "/v1/tasks/mute/stop").status == 202
        first = next(rest)[1]

    assert first["marker"].startswith("killed by signal 15")


def test_every_way_to_choose_lines_works_over_http(service: Service) -> None:
    script = """echo '{"level":"info","n":1}'; echo plain; echo '{"severity":"ERROR","n":2}'"""
    service.must_post("json", script, cron="0 0 1 1 *", type="cron")
    for count in (1, 2):
        assert service.request("POST", "/v1/run", {"tasks": ["json"]}).status in (200, 202)
        service.wait_ends("json", count)
    first, second = sorted({line["run"] for line in lines(service, task="json")})
    moment = next(e["time"] for e in lines(service, task="json", run=second) if "text" in e)

    assert [json.loads(t)["n"] for t in texts(service, task="json", level="warn")] == [2, 2]
    assert texts(service, task="json", grep="^pl.*n$") == ["plain", "plain"]
    assert {e["run"] for e in lines(service, task="json", run=first)} == {first}
    assert len(texts(service, task="json", run=first)) == 3
    assert len(texts(service, task="json", since=moment)) == 3
    assert texts(service, task="json", until=1.0) == []
    assert len(texts(service, task="json", tail=4)) == 4
    assert texts(service, task="json", tail=4, grep="plain") == ["plain", "plain"]
    assert service.request("GET", "/v1/logs?task=json&level=loud").status == 400
    assert service.request("GET", "/v1/logs?task=json&grep=(").status == 400

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from proctor.client import ApiError, AsyncClient, Client, NotReachable, OperationFailed, Unfinished
from proctor.client import operations as ops
from proctor.client.calls import Call
from proctor.client.models import Operation

from .toy import chunked, reply, toy_server

Ask = Callable[..., Any]
PING: Call[dict[str, Any]] = Call("GET", "/ping", dict)


def ask_sync(url: str | None, call: Callable[[Any], Any], **options: Any) -> Any:
    with Client(url, **options) as client:
        return call(client)


def ask_async(url: str | None, call: Callable[[Any], Any], **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient(url, **options) as client:
            answer = call(client)
            if inspect.isasyncgen(answer):
                return [item async for item in answer]
            return await answer

    return asyncio.run(main())


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Call a client of either kind, and close it."""
    found: Ask = request.param
    return found


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, str]:
        members = inspect.getmembers(kind, inspect.isfunction)
        plain = {name: str(inspect.signature(f)) for name, f in members if name[0] != "_"}
        return {name: text.replace("Async", "") for name, text in plain.items()}

    assert methods(Client) == methods(AsyncClient)


def test_a_request_carries_the_token_and_the_body(ask: Ask) -> None:
    with toy_server() as toy:
        call = Call("PUT", "/v1/x", dict, {"a": True, "b": None, "c": ["ü", "&"]}, {"n": 1})
        answer = ask(toy.url, lambda client: client.send(call), token="hush")

    method, path, headers, body = toy.requests[0]
    assert (answer, method, path) == ({}, "PUT", "/v1/x?a=1&c=%C3%BC&c=%26")
    assert headers["Authorization"] == "Bearer hush"
    assert headers["Host"] == toy.url.removeprefix("http://")
    assert json.loads(body) == {"n": 1}


def test_a_unix_socket_serves_as_well(ask: Ask, tmp_path: Path) -> None:
    with toy_server(tmp_path / "s") as toy:
        assert ask(toy.url, lambda client: client.send(PING)) == {}
    assert toy.requests[0][2]["Host"] == "localhost"


def test_the_service_is_found_by_its_state_directory(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROCTOR_URL", raising=False)
    monkeypatch.setenv("PROCTOR_STATE_DIR", str(tmp_path))
    with toy_server(tmp_path / "proctor.sock"):
        assert ask(None, lambda client: client.send(PING)) == {}


def test_what_the_service_refuses_is_an_error_with_its_parts(ask: Ask) -> None:
    body = {"type": "urn:proctor:error:bad_spec", "detail": "no", "field": "cmd"}
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, json.dumps(body).encode(), 400)
        with pytest.raises(ApiError, match=r"^no$") as caught:
            ask(toy.url, lambda client: client.send(PING))

    error = caught.value
    assert (error.status, error.code, error.field) == (400, "bad_spec", "cmd")


def test_an_answer_of_something_else_is_told_from_the_services(ask: Ask) -> None:
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, b"<html>", 502)
        with pytest.raises(ApiError, match="<html>"):
            ask(toy.url, lambda client: client.send(PING))
        toy.answer = lambda handler: reply(handler, b"<html>")
        with pytest.raises(NotReachable, match="does not know"):
            ask(toy.url, lambda client: client.send(PING))


def test_when_nothing_answers_it_says_what_to_run(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROCTOR_URL", raising=False)
    monkeypatch.setenv("PROCTOR_STATE_DIR", str(tmp_path))
    from proctor.client import endpoint

    with bound() as (port, _):
        monkeypatch.setattr(endpoint, "DEFAULT", endpoint.Endpoint(port=port))
        with pytest.raises(NotReachable) as caught:
            ask(None, lambda client: client.send(PING))

    first, second = str(caught.value).splitlines()
    assert f"unix:{tmp_path}/proctor.sock (no such file or directory)" in first
    assert "(connection refused)" in first
    assert "proctor serve" in second


class bound:  # noqa: N801
    """A port that is taken, and refuses."""

    def __enter__(self) -> tuple[int, socket.socket]:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        return self.listener.getsockname()[1], self.listener

    def __exit__(self, *_: object) -> None:
        self.listener.close()


def test_a_service_that_is_just_starting_is_waited_for(ask: Ask) -> None:
    with bound() as (port, listener):
        answers: list[Any] = []
        url = f"http://127.0.0.1:{port}"
        thread = threading.Thread(
            target=lambda: answers.append(ask(url, lambda client: client.send(PING), patience=30.0))
        )
        thread.start()
        with toy_server(listener=listener):
            thread.join(30)

    assert answers == [{}]


def test_a_connection_that_breaks_is_not_the_services_answer(ask: Ask) -> None:
    with toy_server() as toy:
        toy.answer = lambda handler: (
            handler.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{"
            )
            and setattr(handler, "close_connection", True)
        )
        with pytest.raises(NotReachable, match="the connection broke"):
            ask(toy.url, lambda client: client.send(PING))


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    with toy_server() as toy, Client(toy.url) as client:
        client.send(PING)
        client.transport._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

        assert client.send(Call("POST", "/x", dict)) == {}


LINE = b'{"time": 1, "task": "web", "replica": 0, "text": "%b", "new": 1}\n'


def test_log_lines_come_whole_however_they_are_cut(ask: Ask) -> None:
    text = LINE % b"one" + LINE % b"two"
    with toy_server() as toy:
        toy.answer = lambda handler: chunked(handler, text[:5], text[5:-9], text[-9:])
        found = ask(toy.url, lambda client: client.logs("web*", "db", tail=2))
        lines = [(line.task, line.text) for line in found]

    assert lines == [("web", "one"), ("web", "two")]
    assert toy.requests[0][1] == "/v1/logs?task=web%2A%2Cdb&tail=2"


def test_events_come_with_their_ids(ask: Ask) -> None:
    with toy_server() as toy:
        toy.answer = lambda handler: chunked(handler, b": hello\n\n", event(7))
        events = list(ask(toy.url, lambda client: client.events(after=6, limit=1)))

    assert [(event.id, event.kind) for event in events] == [(7, "replica.up")]


def test_events_go_on_behind_the_last_one_when_the_connection_ends(ask: Ask) -> None:
    answers = [
        [b"id: 6\n\n"],  # Where it begins: there may be no event to go on behind yet.
        [b"id: 6\n\n", event(7), b"id: 8\ndata: {"],
        [b"id: 7\n\n", event(8), event(9)],
    ]
    with toy_server() as toy:
        toy.answer = lambda handler: chunked(handler, *answers.pop(0))
        events = list(ask(toy.url, lambda client: client.events("web", limit=3)))

    assert [event.id for event in events] == [7, 8, 9]
    assert [path.partition("?")[2] for _, path, _, _ in toy.requests] == [
        "task=web&limit=3",
        "task=web&after=6&limit=3",
        "task=web&after=7&limit=3",
    ]


def test_events_of_a_service_that_comes_no_more_end_with_what_to_do(ask: Ask) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def events(client: Any) -> Any:
        for found in client.events():
            seen.append(found.id)

    async def events_async(client: Any) -> Any:
        async for found in client.events():
            seen.append(found.id)

    with toy_server(listener=listener) as toy:

        def answer(handler: BaseHTTPRequestHandler) -> None:
            chunked(handler, event(7))
            listener.close()

        toy.answer = answer
        with pytest.raises(NotReachable, match="no service answers"):
            ask(toy.url, events if ask is ask_sync else events_async, patience=0.0)

    assert seen == [7]


def event(id: int) -> bytes:
    return b'id: %d\ndata: {"id": %d, "at": 1, "kind": "replica.up"}\n\n' % (id, id)


def operation(state: str, **more: Any) -> bytes:
    return json.dumps({"id": "o1", "verb": "start", "state": state, **more}).encode()


def test_a_verb_waits_until_it_is_reached(ask: Ask) -> None:
    bodies = [operation("running"), operation("running"), operation("done")]
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, bodies.pop(0))
        assert ask(toy.url, lambda client: client.start("web")).state == "done"

    asked = [(method, path.partition("?")[0]) for method, path, _, _ in toy.requests]
    assert asked == [("POST", "/v1/start"), *[("GET", "/v1/operations/o1")] * 2]


def test_a_verb_that_cannot_succeed_says_why_for_each_replica(ask: Ask) -> None:
    targets = [
        {"alias": "web:0", "state": "done", "reason": "up"},
        {"alias": "web:1", "state": "failed", "reason": "no such file"},
    ]
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, operation("failed", targets=targets))
        with pytest.raises(OperationFailed, match=r"^web:1: no such file$"):
            ask(toy.url, lambda client: client.start("web"))


def test_a_verb_that_takes_longer_than_one_waits_goes_on(ask: Ask) -> None:
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, operation("running"))
        with pytest.raises(Unfinished, match=r"not within 0.05 s") as caught:
            ask(toy.url, lambda client: client.stop("web", wait=0.05))

    assert caught.value.operation.id == "o1"


def test_the_time_given_is_for_the_first_request_too(ask: Ask) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        _, _, wait = handler.path.partition("wait=")
        time.sleep(float(wait))  # As the service does when what is waited for does not happen.
        reply(handler, operation("running"))

    with toy_server() as toy:
        toy.answer = answer
        with pytest.raises(Unfinished):
            ask(toy.url, lambda client: client.start("web", wait=0.1))

    assert [path for _, path, _, _ in toy.requests] == ["/v1/start?wait=0.1"]


def test_without_waiting_a_verb_returns_at_once(ask: Ask) -> None:
    with toy_server() as toy:
        toy.answer = lambda handler: reply(handler, operation("running"))
        found: Operation = ask(toy.url, lambda client: client.stop("web", wait=0))

    assert found.state == "running"
    assert len(toy.requests) == 1


def test_names_are_escaped_in_paths() -> None:
    assert ops.task("a/b?c").target == "/v1/tasks/a%2Fb%3Fc"

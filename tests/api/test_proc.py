from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proctor.core.errors import UnknownAccount
from proctor.core.spec import Dep, Schedule, Spec, TaskType

from .support import Running, read_all, running, task

PAGE_KEYS = [
    "name",
    "cmd",
    "type",
    "replica",
    "user",
    "deps",
    "interval",
    "last_time",
    "run_flag",
    "start_time",
    "running",
    "group",
]


def test_the_page_s_own_example_is_taken_with_curl_s_form_content_type(server: Running) -> None:
    body = (
        b'{"name": "task1", "cmd": "sleep 5", "type": "once", "replica": 2, '
        b'"user": "guest", "deps": ["task0"]}'
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    response = server.request("POST", "/proc", body, form)

    assert (response.status, response.json) == (200, {"code": 200, "msg": "OK"})
    assert server.manager.specs["task1"] == Spec(
        "task1", TaskType.ONCE, "sleep 5", 2, user="guest", deps=(Dep("task0"),)
    )


def test_the_listing_has_exactly_the_page_s_keys_in_its_order(server: Running) -> None:
    server.post(task(type="daemon", user="guest"))

    response = server.request("GET", "/proc")

    assert response.headers["content-type"] == "application/json"
    answer = response.json
    assert list(answer) == ["code", "msg", "data"]
    assert list(answer["data"]) == ["running", "tasks"]
    assert answer["data"]["running"] == [
        {"command": "sleep 5", "pid": 1000, "alias": "task1:0"},
        {"command": "sleep 5", "pid": 1001, "alias": "task1:1"},
    ]
    entry = answer["data"]["tasks"]["task1"]
    assert list(entry) == PAGE_KEYS
    assert entry["group"] is None
    assert entry["user"] == "guest"
    assert entry["running"] == 2


def test_cron_is_shown_for_cron_tasks_alone(server: Running) -> None:
    server.post(task(name="a", type="cron"))
    server.post(task(name="b", type="cron", cron="5 4 * * *"))
    server.post(task(name="c"))

    tasks = server.request("GET", "/proc").json["data"]["tasks"]

    assert tasks["a"]["cron"] == "* * * * *"
    assert tasks["b"]["cron"] == "5 4 * * *"
    assert "cron" not in tasks["c"]


def test_a_whole_interval_is_shown_as_a_whole_number(server: Running) -> None:
    server.post(task(name="default"))
    server.post(task(name="whole", interval=2.0))
    server.post(task(name="part", interval=0.25))

    text = server.request("GET", "/proc").body

    assert text.count(b'"interval":3,') == 1
    assert text.count(b'"interval":2,') == 1
    assert text.count(b'"interval":0.25,') == 1


def test_the_listing_is_made_anew_only_after_a_change(server: Running) -> None:
    server.post(task(name="a"))
    first = [server.request("GET", "/proc").body for _ in range(5)]
    made = server.manager.listings

    server.post(task(name="b"))
    second = server.request("GET", "/proc").json

    assert made == 1
    assert len(set(first)) == 1
    assert set(second["data"]["tasks"]) == {"a", "b"}


def test_every_field_reaches_the_spec(server: Running) -> None:
    body = task(
        type="cron",
        user="nobody",
        group="0",
        groups=["adm", "adm", "4"],
        cron="@daily",
        timezone="Europe/Berlin",
        interval=0.5,
        deps=["a", "b", "a"],
        env={"A": "1", "EMPTY": ""},
        cwd="/tmp",
        umask="022",
        nice=-5,
        rlimits={"nofile": 64, "core": None, "stack": [1, 2], "cpu": [5, None]},
        stop_signal="SIGINT",
        stop_timeout=1.5,
    )

    assert server.post(body).status == 200

    assert server.manager.specs["task1"] == Spec(
        name="task1",
        type=TaskType.CRON,
        cmd="sleep 5",
        replicas=2,
        user="nobody",
        group="0",
        groups=("adm", "4"),
        schedule=Schedule(cron="@daily", timezone="Europe/Berlin"),
        interval=0.5,
        deps=(Dep("a"), Dep("b")),
        env={"A": "1", "EMPTY": ""},
        cwd="/tmp",
        umask=0o22,
        nice=-5,
        rlimits={"nofile": (64, 64), "core": (None, None), "stack": (1, 2), "cpu": (5, None)},
        stop_signals=("INT",),
        stop_timeout=1.5,
    )


def test_a_name_that_exists_is_a_conflict(server: Running) -> None:
    server.post(task())

    response = server.post(task(cmd="other"))

    assert (response.status, response.json["code"]) == (409, 409)
    assert "task1" in response.json["msg"]
    assert server.manager.specs["task1"].cmd == "sleep 5"


def test_of_200_parallel_posts_of_one_name_exactly_one_is_taken(server: Running) -> None:
    barrier = threading.Barrier(40)

    def post(i: int) -> list[int]:
        barrier.wait()
        return [server.post(task(cmd=f"echo {i} {n}")).status for n in range(5)]

    with ThreadPoolExecutor(40) as pool:
        statuses = [status for part in pool.map(post, range(40)) for status in part]

    assert sorted(statuses) == [200] + [409] * 199


def test_a_dependency_cycle_is_spelled_out(server: Running) -> None:
    server.post(task(name="a", deps=["b"]))

    response = server.post(task(name="b", deps=["a"]))

    assert response.status == 422
    assert "b -> a -> b" in response.json["msg"]
    assert set(server.manager.specs) == {"a"}


def test_an_account_that_does_not_exist_is_named(tmp_path: Path) -> None:
    def check(spec: Spec) -> None:
        raise UnknownAccount(f"user {spec.user!r} does not exist here", field="user")

    with running(tmp_path, check) as server:
        response = server.post(task(user="nosuchuser"))

        assert response.status == 422
        assert response.json == {
            "code": 422,
            "msg": "user 'nosuchuser' does not exist here",
            "field": "user",
        }
        assert server.manager.specs == {}
        assert server.post(task()).status == 200


@pytest.mark.parametrize("kind", ["melang", "coroutine"])
def test_coroutine_is_another_name_of_melang(server: Running, kind: str) -> None:
    assert server.post(task(type=kind, cmd="/tmp/a.me")).status == 200

    assert server.manager.specs["task1"].type.value == "melang"


def test_put_restarts(server: Running) -> None:
    server.post(task())

    assert server.request("PUT", "/proc?name=task1").json == {"code": 200, "msg": "OK"}

    assert server.manager.restarted == ["task1"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_task_that_is_not_known_is_not_found(server: Running, method: str) -> None:
    response = server.request(method, "/proc?name=no..%2Fsuch")

    assert (response.status, response.json["code"]) == (404, 404)
    assert response.json["field"] == "name"


@pytest.mark.parametrize("path", ["/proc", "/proc?name=", "/proc?nam=task1", "/proc?name=a&name=b"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_without_a_clear_name_the_request_is_bad(server: Running, method: str, path: str) -> None:
    server.post(task())

    response = server.request(method, path)

    assert response.status == 400
    assert response.json["field"] in ("name", "nam")
    assert "task1" in server.manager.specs


def test_delete_answers_when_the_task_is_gone(server: Running) -> None:
    server.post(task())
    server.manager.hold_removals = True
    with ThreadPoolExecutor(1) as pool:
        deleted = pool.submit(server.request, "DELETE", "/proc?name=task1")
        while not server.call(lambda: server.manager.removing):
            pass
        assert server.request("GET", "/proc").status == 200  # others are served meanwhile
        assert not deleted.done()

        server.call(server.manager.finish_removals)

        assert deleted.result().json == {"code": 200, "msg": "OK"}
    assert server.manager.specs == {}


@pytest.mark.parametrize(
    ("method", "query", "words"),
    [
        ("DELETE", "?name=task1&wait=zzz", "`wait` is not valid: expected true or false"),
        ("GET", "?wait=1", "unknown field `wait`, expected none"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_as_it_is_there(
    server: Running, method: str, query: str, words: str
) -> None:
    response = server.request(method, f"/proc{query}")

    assert (response.status, response.json["field"]) == (400, "wait")
    assert response.json["msg"].startswith(words)


def test_delete_without_waiting_answers_at_once(server: Running) -> None:
    server.post(task())
    server.manager.hold_removals = True

    response = server.request("DELETE", "/proc?name=task1&wait=0")

    assert response.status == 200
    assert server.manager.removing == {"task1"}


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed_and_the_right_ones_are_named(
    server: Running, method: str
) -> None:
    response = server.request(method, "/proc")

    assert response.status == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD, POST, PUT"
    assert response.json["code"] == 405


def test_head_says_what_get_would_without_the_body(server: Running) -> None:
    got, asked = (server.request(method, "/proc") for method in ("GET", "HEAD"))

    assert (asked.status, asked.body) == (200, b"")
    assert asked.headers["content-length"] == got.headers["content-length"] == str(len(got.body))
    assert server.request("HEAD", "/proc/output?name=nobody").status == 404


@pytest.mark.parametrize("path", ["//", "/proc/", "/PROC", "/proc/x", "/docs/../proc", "/%00"])
def test_other_paths_are_not_found(server: Running, path: str) -> None:
    response = server.request("GET", path)

    assert (response.status, response.json["code"]) == (404, 404)


def test_the_unix_socket_serves_the_same(server: Running) -> None:
    with server.connect_unix() as sock:
        sock.sendall(b"GET /proc HTTP/1.0\r\n\r\n")
        head, _, body = read_all(sock).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["code"] == 200

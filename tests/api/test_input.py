"""Bad bodies: each is a 400 that names the field, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proctor.api.schemas import SpecLimits

from .support import Running, running, task

WRONG: list[tuple[str, Any]] = [
    ("name", 5),
    ("name", None),
    ("name", ""),
    ("name", "../etc"),
    ("name", "a/b"),
    ("name", "a b"),
    ("name", ".a"),
    ("name", "-a"),
    ("name", "a\n"),
    ("name", "a\0"),
    ("name", "é"),
    ("name", "x" * 129),
    ("type", "service"),
    ("type", "ONCE"),
    ("type", 1),
    ("type", None),
    ("cmd", ""),
    ("cmd", []),
    ("cmd", [""]),
    ("cmd", ["ls", "\0"]),
    ("cmd", ["ls", 1]),
    ("cmd", "echo \0"),
    ("cmd", "x" * 131_072),
    ("cmd", "é" * 65_536),
    ("replica", 0),
    ("replica", -1),
    ("replica", 1.5),
    ("replica", 2.0),
    ("replica", "2"),
    ("replica", True),
    ("replica", None),
    ("replica", 10_001),
    ("replica", 10**18),
    ("replica", 10**30),
    ("user", ""),
    ("user", 0),
    ("user", "a\0"),
    ("user", "x" * 257),
    ("group", ["adm"]),
    ("groups", "adm"),
    ("groups", [""]),
    ("cron", "* * * * *"),
    ("timezone", "Europe/Berlin"),
    ("interval", -0.1),
    ("interval", "3"),
    ("interval", True),
    ("interval", None),
    ("interval", 1e12),
    ("interval", 10**400),
    ("deps", "task0"),
    ("deps", {"task0": 1}),
    ("deps", ["../x"]),
    ("deps", [1]),
    ("deps", ["a"] * 1001),
    ("env", ["A=1"]),
    ("env", {"A": 1}),
    ("env", {"A=B": "1"}),
    ("env", {"": "1"}),
    ("env", {"A\0": "1"}),
    ("env", {"A": "\0"}),
    ("env", {"A": "x" * 131_072}),
    ("cwd", "tmp"),
    ("cwd", "/a\0"),
    ("cwd", "/" + "x" * 4096),
    ("umask", "999"),
    ("umask", "22\n"),
    ("umask", 512),
    ("umask", -1),
    ("umask", "1777"),
    ("nice", 20),
    ("nice", -21),
    ("nice", 1.5),
    ("rlimits", {"nofiles": 1}),
    ("rlimits", {"locks": 1}),
    ("rlimits", {"nofile": -1}),
    ("rlimits", {"nofile": "1"}),
    ("rlimits", {"nofile": [2, 1]}),
    ("rlimits", {"nofile": [None, 1]}),
    ("rlimits", {"nofile": [1]}),
    ("rlimits", {"nofile": [1, 2, 3]}),
    ("rlimits", {"nofile": [1, -2]}),
    ("rlimits", {"nofile": 2**63}),
    ("stop_signal", "FOO"),
    ("stop_signal", 15),
    ("stop_signal", ""),
    ("stop_signal", "TERM\n"),
    ("stop_signal", "SIGSIGTERM"),
    ("stop_signal", "SIG_IGN"),
    ("stop_signal", []),
    ("stop_signal", ["TERM", "FOO"]),
    ("namespace", "a b"),
    ("labels", {"a b": ""}),
    ("labels", {"a": 1}),
    ("env_files", ["env"]),
    ("inherit_env", 1),
    ("inherit_env", ["A="]),
    ("oom_score_adj", 1001),
    ("stdin", "file"),
    ("sockets[0].address", 5),
    ("restart", "sometimes"),
    ("restart.factor", 0.5),
    ("restart.x", 1),
    ("success_codes", [256]),
    ("success_codes", []),
    ("limits.memory_max", "64 bananas"),
    ("limits.memory_max", "0"),
    ("limits.cpu", 0),
    ("output.quota", -1),
    ("watch.paths", []),
    ("watch.paths", ["src"]),
    ("timeout", 0),
    ("pool", "a b"),
    ("rolling", 0),
    ("readiness", {}),
    ("readiness", {"tcp": "a:1", "http": "http://a"}),
    ("readiness.tcp", "localhost"),
    ("readiness.tcp", "localhost:99999"),
    ("readiness.http", "ftp://localhost"),
    ("readiness.http", "http://"),
    ("readiness.http", "http://a:b"),
    ("liveness.log_line", "("),
    ("startup.file", "x"),
    ("startup.period", 0),
    ("deps[0].until", "soon"),
    ("deps[0].x", 1),
    ("overlap", "queue"),
    ("blackouts", [{"cron": "0 22 * * *", "seconds": 60}]),
    ("at", "tomorrow"),
    ("at", "2030-01-01T00:00:00"),
    ("at", "+5 minutes"),
    ("stop_timeout", -1),
    ("stop_timeout", "10"),
]


def _title(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 24 else f"{text[:20]}..."


def _at(field: str, value: object) -> dict[str, object]:
    """Return the fields of a body with the value at that path."""
    names = field.replace("[0]", "").split(".")
    if len(names) == 1:
        return {field: value}
    within = {"task": "a", names[1]: value} if names[0] == "deps" else {names[1]: value}
    if names[0] == "sockets":
        within["name"] = "a"
    return {names[0]: [within] if "[0]" in field else within}


@pytest.mark.parametrize(("field", "value"), WRONG, ids=_title)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    server: Running, field: str, value: object
) -> None:
    response = server.post(task(**_at(field, value)))

    assert response.status == 400
    assert response.json["code"] == 400
    assert response.json["field"] == field
    assert f"`{field}`" in response.json["msg"]
    assert "expected" in response.json["msg"]
    assert len(response.body) < 1000
    assert server.manager.specs == {}


@pytest.mark.parametrize("field", ["name", "type", "cmd", "replica"])
def test_a_field_that_is_needed_is_missed_by_name(server: Running, field: str) -> None:
    body = task()
    del body[field]

    response = server.post(body)

    assert response.status == 400
    assert response.json["field"] == field
    assert f"`{field}` is missing, expected" in response.json["msg"]


def test_an_unknown_field_is_refused_and_the_likely_one_is_named(server: Running) -> None:
    response = server.post(task(replicas=3))

    assert response.status == 400
    assert response.json["field"] == "replicas"
    assert response.json["msg"] == "unknown field `replicas`, did you mean `replica`?"


def test_an_unlikely_unknown_field_gets_the_list_of_the_known_ones(server: Running) -> None:
    response = server.post(task(**{"x" * 500: 1}))

    assert response.status == 400
    assert "expected one of name, type, cmd" in response.json["msg"]
    assert len(response.body) < 1000


def test_a_field_given_twice_is_refused(server: Running) -> None:
    body = json.dumps(task()).replace("{", '{"name": "other", ', 1).encode()

    response = server.post(body)

    assert response.status == 400
    assert response.json["field"] == "name"
    assert "more than once" in response.json["msg"]


def test_a_variable_given_twice_is_refused(server: Running) -> None:
    body = json.dumps(task(env={"A": "1"})).replace('"A"', '"A": "0", "A"').encode()

    assert server.post(body).status == 400


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", None),
        (b"  \n ", None),
        (b"hello", "line 1, column 1"),
        (b'{"name": "a",\n "cmd": }', "line 2, column 9"),
        (b'{"name": "a"', "line 1, column 13"),
        (b'{"name": NaN}', "line 1, column 10"),
        (b"{'name': 'a'}", "line 1, column 2"),
        (b'{"name":"a","type":"once","cmd":"x","replica":1}}', "line 1, column 49"),
        (b'\xef\xbb\xbf{"name": "a"}', "line 1, column 1"),
        (b'{"name": "a\xff"}', "line 1, column 12"),
        (b'{"name": "\\ud800"}', "line 1, column"),
        (b'{"name": "a\0"}', "line 1, column 12"),
        (b"[]", None),
        (b"null", None),
        (b'"text"', None),
        (b"12", None),
        (b'{"name":' + b"9" * 5000 + b"}", None),
        (b"[" * 500_000, None),
        (b'{"env":' * 100_000, None),
        (b'{"x":' * 100_000, None),
        (b"{" * 500_000, "line 1, column 2"),
        (b'{"env":{"a":' + b"[" * 100_000, None),
    ],
    ids=_title,
)
def test_a_body_that_is_no_object_is_refused_with_the_place(
    server: Running, body: bytes, place: str | None
) -> None:
    response = server.post(body)

    assert response.status == 400
    assert response.json["code"] == 400
    if place is not None:
        assert place in response.json["msg"]
    assert server.manager.specs == {}


@pytest.mark.parametrize(
    "path",
    ["/proc?x=1", "/proc?%ff=1", "/proc?name=a", "/proc?" + "&".join(f"a{i}" for i in range(200))],
)
def test_a_query_that_is_not_known_is_refused(server: Running, path: str) -> None:
    assert server.request("GET", path).status == 400


@pytest.mark.parametrize("wait", ["2", "yes", "", "%00"])
def test_wait_is_a_yes_or_no(server: Running, wait: str) -> None:
    server.post(task())

    response = server.request("DELETE", f"/proc?name=task1&wait={wait}")

    assert response.status == 400
    assert response.json["field"] == "wait"


def test_the_limit_of_replicas_can_be_set(tmp_path: Any) -> None:
    with running(tmp_path, spec=SpecLimits(max_replicas=3)) as server:
        assert server.post(task(name="a", replica=3)).status == 200
        response = server.post(task(name="b", replica=4))

    assert response.status == 400
    assert "from 1 to 3" in response.json["msg"]


def test_the_largest_allowed_values_are_taken(server: Running) -> None:
    body = task(
        name="_" + "a.b-c" * 25 + "zz",
        cmd="x" * 131_071,
        replica=10_000,
        interval=0,
        stop_timeout=0,
        nice=19,
        umask=0o777,
        rlimits={"nofile": 2**63 - 1},
    )

    assert server.post(body).status == 200


CRON_WRONG: list[tuple[str, Any]] = [
    ("cron", "x"),
    ("cron", "0 0 31 2 *"),
    ("timezone", "Mars/Phobos"),
    ("overlap", "never"),
    ("queue", 0),
    ("schedule_jitter", -1),
    ("at", 0),
    ("blackouts[0].cron", [{"cron": "x", "seconds": 60}]),
    ("blackouts[0].seconds", [{"cron": "0 22 * * *", "seconds": 0}]),
]


@pytest.mark.parametrize(("field", "value"), CRON_WRONG, ids=_title)
def test_a_wrong_schedule_is_refused_by_the_name_of_its_field(
    server: Running, field: str, value: object
) -> None:
    body = task(**{"type": "cron", "cron": "0 4 * * *", field.partition("[")[0]: value})

    response = server.post(body)

    assert response.status == 400
    assert response.json["field"] == field


def test_a_pool_that_the_settings_do_not_have_is_refused(tmp_path: Any) -> None:
    with running(tmp_path, spec=SpecLimits(pools=frozenset({"press", "io"}))) as server:
        wrong = server.post(task(pool="pres"))
        assert (wrong.status, wrong.json["field"]) == (400, "pool")
        assert "settings (io, press), got 'pres'" in wrong.json["msg"]
        assert server.post(task(pool="press")).status == 200

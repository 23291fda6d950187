"""/v1: tasks made, seen, changed and acted on, over a real world and manager."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from proctor.core.spec import TaskType
from proctor.core.statement import TaskState

from .live import Live, live
from .support import Response, Running


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Running, Live]]:
    with live(tmp_path) as both:
        yield both


@pytest.fixture
def server(both: tuple[Running, Live]) -> Running:
    return both[0]


def make(server: Running, name: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "type": "daemon", "cmd": "serve", **fields}
    response = server.request("POST", "/v1/tasks", body)
    assert response.status == 201, response.body
    result: dict[str, Any] = response.json["task"]
    return result


def post(server: Running, path: str, body: object = None) -> Response:
    return server.request("POST", f"/v1/{path}", body)


def get(server: Running, path: str) -> Any:
    response = server.request("GET", f"/v1/{path}")
    assert response.status == 200, response.body
    return response.json


def up(server: Running, name: str, **fields: Any) -> None:
    make(server, name, **fields)
    assert post(server, f"tasks/{name}/start?wait=30").json["state"] == "done"


def reasons(response: Response) -> dict[str, str]:
    return {t["alias"]: t.get("reason", "") for t in response.json["targets"]}


# Making and seeing.


def test_a_task_is_made_and_seen(server: Running) -> None:
    up(server, "web", replica=2, env={"DB_PASSWORD": "x", "PORT": "1"}, labels={"a": "b"})

    task = get(server, "tasks/web")
    assert (task["state"], task["reason"], task["blockers"]) == ("running", "", [])
    assert [r["alias"] for r in task["replicas"]] == ["web:0", "web:1"]
    assert all(r["ready"] and r["pid"] and r["uptime"] >= 0 for r in task["replicas"])
    assert task["spec"]["env"] == {"DB_PASSWORD": "***", "PORT": "1"}
    assert get(server, "tasks/web/replicas")["replicas"][1]["index"] == 1


def test_errors_are_problem_details(server: Running) -> None:
    response = server.request("GET", "/v1/tasks/no")

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json["type"] == "urn:proctor:error:unknown_task"
    assert (response.status, response.json["status"]) == (404, 404)
    assert response.json["title"] == "Not Found"
    assert "'no'" in response.json["detail"]
    wrong = server.request("POST", "/v1/tasks", {"name": "a", "type": "once"})
    assert (wrong.status, wrong.json["field"]) == (400, "cmd")
    for path, status in (("/v1/nothing", 404), ("/v1/info", 405)):
        response = server.request("PATCH", path)
        assert response.status == status
        assert response.headers["content-type"] == "application/problem+json"


def test_a_waiting_task_says_what_it_waits_for(server: Running) -> None:
    make(server, "bad", type="once", cmd="exit 1")
    make(server, "web", deps=[{"task": "bad", "until": "completed_ok"}])
    make(server, "late", deps=[{"task": "none", "until": "ready"}])

    operation = post(server, "tasks/web/start?wait=30")

    assert operation.json["state"] == "failed"
    assert operation.json["reason"] == "web:0: blocked: bad exited 1"
    task = get(server, "tasks/web")
    assert (task["state"], task["blockers"]) == ("blocked", ["bad exited 1"])
    assert get(server, "tasks/late")["reason"] == "none does not exist"
    assert get(server, "tasks/bad")["state"] == "failed"


def test_a_dependency_that_does_not_exist_and_holds_nothing_up_is_mentioned(
    server: Running,
) -> None:
    up(server, "web", deps=["tpyo"])

    expected = ["tpyo, on which it depends, does not exist and is not waited for"]
    assert get(server, "tasks/web")["warnings"] == expected
    make(server, "tpyo")
    assert get(server, "tasks/web")["warnings"] == []


def test_what_is_no_choice_is_answered_with_the_choices(server: Running) -> None:
    response = server.request("GET", "/v1/tasks?sort=age")

    assert (response.status, response.json["field"]) == (400, "sort")
    assert "expected one of -name, -restarts, -started, -state, name" in response.json["detail"]


@pytest.mark.parametrize(("field", "choices"), [("state", TaskState), ("type", TaskType)])
def test_a_filter_that_nothing_can_fit_is_answered_with_the_choices(
    server: Running, field: str, choices: type[StrEnum]
) -> None:
    for value in ("bogus", "", f"{min(choices)},bogus", f"{min(choices)}%0A"):
        response = server.request("GET", f"/v1/tasks?{field}={value}")
        assert (response.status, response.json["field"]) == (400, field)
        expected = f"`{field}` is not valid: expected one of {', '.join(choices)}"
        assert response.json["detail"] == expected
    get(server, f"tasks?{field}={','.join(choices)}")


def test_the_name_in_a_put_is_that_of_the_path_and_may_be_left_out(server: Running) -> None:
    body = {"type": "daemon", "cmd": "serve"}

    assert server.request("PUT", "/v1/tasks/web", body).json["result"] == "created"
    assert server.request("PUT", "/v1/tasks/web", {"name": "web", **body}).json["result"] == (
        "unchanged"
    )
    for path, name in (("web", "db"), ("a%20b", None), ("-x", None)):
        named = body if name is None else {"name": name, **body}
        response = server.request("PUT", f"/v1/tasks/{path}", named)
        assert (response.status, response.json["field"]) == (400, "name")


def test_the_list_is_filtered_sorted_and_paged(server: Running) -> None:
    for i in range(5):
        labels = {"odd": "yes"} if i % 2 else {}
        make(server, f"t{i}", labels=labels, namespace="a" if i < 3 else "b")
    make(server, "job", type="once", cmd="exit 3")
    post(server, "tasks/job/start?wait=30")

    def names(query: str) -> list[str]:
        return [task["name"] for task in get(server, f"tasks?{query}")["tasks"]]

    assert names("name=t*") == ["t0", "t1", "t2", "t3", "t4"]
    assert names("label=odd") == ["t1", "t3"]
    assert names("label=odd=no") == []
    assert names("namespace=b") == ["t3", "t4"]
    assert names("type=once") == ["job"]
    assert names("state=failed") == ["job"]
    assert names("sort=-name") == ["t4", "t3", "t2", "t1", "t0", "job"]
    seen: list[str] = []
    query = "tasks?limit=4&sort=-started"
    page = get(server, query)
    while True:
        seen += [task["name"] for task in page["tasks"]]
        assert page["total"] == 6
        if page["next"] is None:
            break
        page = get(server, f"{query}&cursor={page['next']}")
    assert sorted(seen) == ["job", "t0", "t1", "t2", "t3", "t4"]
    assert server.request("GET", "/v1/tasks?cursor=x").json["field"] == "cursor"


# Changing.


def test_put_is_idempotent_and_says_what_it_does(server: Running) -> None:
    body = {"name": "web", "type": "daemon", "cmd": "serve", "replica": 1}

    def put(query: str = "", **changes: Any) -> Any:
        response = server.request("PUT", f"/v1/tasks/web{query}", body | changes)
        return {k: v for k, v in response.json.items() if k != "task"} | {"at": response.status}

    nothing: dict[str, Any] = {"changes": [], "restarts": [], "stops": []}
    assert put("?dry_run=1") == {"result": "created", **nothing, "at": 200}
    assert server.request("GET", "/v1/tasks/web").status == 404
    assert put() == {"result": "created", **nothing, "at": 201}
    assert put() == {"result": "unchanged", **nothing, "at": 200}
    post(server, "tasks/web/start?wait=30")

    description = put(description="hello")
    assert (description["result"], description["restarts"]) == ("updated", [])
    changed = put("?dry_run=1", description="hello", cwd="/tmp", env={"TOKEN": "x"})

    assert (changed["result"], changed["restarts"]) == ("updated", ["web:0"])
    assert changed["changes"] == [
        {"field": "env", "before": "{}", "after": '{"TOKEN":"***"}', "restarts": True},
        {"field": "cwd", "before": "null", "after": '"/tmp"', "restarts": True},
    ]
    assert "cwd" not in get(server, "tasks/web")["spec"]
    other = server.request("PUT", "/v1/tasks/other", body)
    assert (other.status, other.json["field"]) == (400, "name")


def test_a_dry_run_names_what_will_be_stopped(server: Running) -> None:
    up(server, "web", replica=3)

    for query in ("?dry_run=1", ""):
        fewer = server.request("PATCH", f"/v1/tasks/web{query}", {"replica": 2}).json
        assert (fewer["restarts"], fewer["stops"]) == ([], ["web:2"])
    for query in ("?dry_run=1", ""):
        later = server.request("PATCH", f"/v1/tasks/web{query}", {"type": "cron"}).json
        assert (later["restarts"], later["stops"]) == ([], ["web:0", "web:1"])


def test_a_dry_run_names_a_schedules_run_that_a_daemon_takes_over(server: Running) -> None:
    make(server, "job", type="cron", cron="0 0 1 1 *", cmd="sleep 1")
    post(server, "tasks/job/run")

    for query in ("?dry_run=1", ""):
        later = server.request("PATCH", f"/v1/tasks/job{query}", {"type": "daemon"}).json
        assert (later["restarts"], later["stops"]) == (["job:0"], [])


def test_a_hidden_value_that_is_put_back_is_kept(both: tuple[Running, Live]) -> None:
    server, parts = both
    make(server, "web", env={"TOKEN": "x"})
    spec = get(server, "tasks/web")["spec"]

    response = server.request("PUT", "/v1/tasks/web", spec | {"description": "new"})

    assert response.json["result"] == "updated"
    assert parts.opened.world.tasks["web"].spec.env == {"TOKEN": "x"}


def test_patch_changes_what_it_names(server: Running) -> None:
    make(server, "web", env={"A": "1", "B": "2"}, cwd="/tmp")

    response = server.request("PATCH", "/v1/tasks/web", {"env": {"A": None}, "cwd": None})

    assert response.json["result"] == "updated"
    spec = get(server, "tasks/web")["spec"]
    assert spec["env"] == {"B": "2"}
    assert "cwd" not in spec
    wrong = server.request("PATCH", "/v1/tasks/web", {"env": {"A": 1}})
    assert (wrong.status, wrong.json["field"]) == (400, "env")
    assert server.request("PATCH", "/v1/tasks/web", {"name": "other"}).json["field"] == "name"
    assert server.request("PATCH", "/v1/tasks/no", {}).status == 404


def test_a_hidden_value_that_was_never_given_is_refused(server: Running) -> None:
    def refused(method: str, path: str, **fields: Any) -> bool:
        answer = server.request(method, f"/v1/{path}", fields)
        assert answer.json.get("detail", "").endswith("its value is hidden; give the real one")
        return (answer.status, answer.json["field"]) == (422, f"env.{min(fields['env'])}")

    new: dict[str, Any] = {"name": "new", "type": "daemon", "cmd": "serve"}
    assert refused("POST", "tasks", **new, env={"MY_SECRET": "***"})
    assert refused("PUT", "tasks/new", **new, env={"PIN": "***"}, secret_env=["PIN"])
    assert server.request("GET", "/v1/tasks/new").status == 404
    make(server, "new", env={"STARS": "***", "TOKEN": "x"})
    assert refused("PATCH", "tasks/new", env={"MY_SECRET": "***"})
    kept = server.request("PATCH", "/v1/tasks/new", {"env": {"TOKEN": "***"}})
    assert kept.json["result"] == "unchanged"


def test_a_patch_of_the_type_can_be_undone(server: Running) -> None:
    def patch(**fields: Any) -> Response:
        return server.request("PATCH", "/v1/tasks/web", fields)

    make(server, "web")
    before = get(server, "tasks/web")["spec"]

    for body in ({"type": "cron"}, {"type": "cron", "at": "+1h", "cron": None}):
        assert patch(**body).json["result"] == "updated"
        back = patch(type="daemon")
        assert (back.status, back.json["task"]["spec"]) == (200, before)
    assert patch(type="cron", timezone="UTC", cron="5 * * * *").status == 200
    named = patch(type="daemon", cron="6 * * * *")
    assert (named.status, named.json["field"]) == (400, "cron")
    changed = patch(type="once").json["changes"]
    assert {change["field"] for change in changed} == {"type", "schedule"}
    assert patch(type=[]).json["field"] == "type"


def test_a_deleted_task_is_gone(server: Running) -> None:
    up(server, "web")

    response = server.request("DELETE", "/v1/tasks/web?wait=30")

    assert (response.status, response.json["state"]) == (200, "done")
    assert server.request("GET", "/v1/tasks/web").status == 404


# Verbs.


def test_what_is_not_known_yet_is_asked_for_later(server: Running) -> None:
    up(server, "web", cmd="stubborn", stop_timeout=0.2)

    taken = post(server, "tasks/web/stop")

    assert (taken.status, taken.json["state"]) == (202, "running")
    assert taken.json["targets"] == [{"alias": "web:0", "state": "pending"}]
    later = get(server, f"operations/{taken.json['id']}?wait=30")
    assert (later["state"], later["verb"]) == ("done", "stop")
    assert later["ended"] >= later["began"]
    assert server.request("GET", "/v1/operations/no").status == 404


def test_a_start_that_fails_says_why(server: Running) -> None:
    make(server, "none", cmd="fail", interval=100)
    make(server, "dies", cmd="exit 3", interval=100)

    response = post(server, "start?wait=30", {"tasks": ["*"]})

    assert response.json["state"] == "failed"
    assert reasons(response) == {
        "none:0": "no such file: fail; it will be tried again",
        "dies:0": "exited 3; it will be tried again",
    }
    task = get(server, "tasks/dies")
    assert (task["state"], task["reason"]) == ("backoff", "exited 3")
    assert task["replicas"][0]["next_restart"] > task["replicas"][0]["since"]
    assert task["replicas"][0]["last_exit"]["code"] == 3


def test_restart_makes_new_processes_of_what_is_selected(server: Running) -> None:
    up(server, "web", replica=2)
    before = [r["pid"] for r in get(server, "tasks/web")["replicas"]]

    one = post(server, "tasks/web:1/restart?wait=30")

    assert reasons(one) == {"web:1": "up"}
    after = [r["pid"] for r in get(server, "tasks/web")["replicas"]]
    assert after[0] == before[0]
    assert after[1] != before[1]
    rolled = post(server, "tasks/web/restart?roll=1&wait=30")
    assert reasons(rolled) == {"web:0": "up", "web:1": "up"}
    assert not set(after) & {r["pid"] for r in get(server, "tasks/web")["replicas"]}


def test_run_waits_for_the_end_and_tells_of_success(server: Running) -> None:
    make(server, "job", type="cron", cmd="true", cron="0 0 1 1 *")
    make(server, "bad", type="cron", cmd="exit 2", cron="0 0 1 1 *")
    make(server, "long", type="cron", cmd="sleep", cron="0 0 1 1 *")

    assert reasons(post(server, "tasks/job/run?wait=30")) == {"job:0": "ended well"}
    failed = post(server, "tasks/bad/run?wait=30")
    assert (failed.json["state"], reasons(failed)) == ("failed", {"bad:0": "exited 2"})
    assert post(server, "tasks/long/run").status == 202
    assert post(server, "tasks/long/run").json["type"] == "urn:proctor:error:busy"
    assert get(server, "tasks/bad")["state"] == "scheduled"


def test_scale_leaves_the_others_alone(server: Running) -> None:
    up(server, "web", replica=2)
    before = [r["pid"] for r in get(server, "tasks/web")["replicas"]]

    more = post(server, "tasks/web/scale?replica=3&wait=30")
    assert more.json["state"] == "done"
    assert [r["pid"] for r in get(server, "tasks/web")["replicas"]][:2] == before
    fewer = post(server, "tasks/web/scale?replica=1&wait=30")

    assert reasons(fewer) == {"web:1": "gone", "web:2": "gone", "web:0": "up"}
    assert [r["pid"] for r in get(server, "tasks/web")["replicas"]] == before[:1]
    assert post(server, "tasks/web/scale?replica=0").json["field"] == "replica"
    assert post(server, "tasks/web/scale?replica=10001").json["field"] == "replica"


def test_signals_reach_what_runs(both: tuple[Running, Live]) -> None:
    server, parts = both
    up(server, "web")
    make(server, "off", enabled=False)

    sent = post(server, "signal?signal=SIGHUP&wait=1", {"tasks": ["web", "off"]})

    assert reasons(sent) == {"web:0": "sent", "off:0": "it is not running"}
    assert parts.engine.sent == [("web:0", "HUP")]


def test_a_disabled_task_does_not_fire(server: Running) -> None:
    make(server, "job", type="cron", cmd="true", cron="* * * * * *")

    assert post(server, "tasks/job/disable?wait=1").json["state"] == "done"
    assert get(server, "tasks/job")["next_fire"] is None
    assert get(server, "tasks/job")["state"] in ("disabled", "completed")
    post(server, "tasks/job/enable")
    assert get(server, "tasks/job")["next_fire"] is not None


def test_start_may_start_what_is_needed(server: Running) -> None:
    make(server, "db", enabled=False)
    make(server, "web", enabled=False, deps=["db"])

    response = post(server, "tasks/web/start?deps=1&wait=30")

    assert reasons(response) == {"web:0": "up", "db:0": "up"}


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"tasks": ["web"]}, ["web:0", "web:1"]),
        ({"tasks": ["web:1", "api"]}, ["web:1", "api:0"]),
        ({"tasks": ["w*:0"]}, ["web:0", "worker:0"]),
        ({"namespaces": ["b"]}, ["worker:0"]),
        ({"tasks": ["w*"], "labels": {"tier": "front"}}, ["web:0", "web:1"]),
    ],
    ids=str,
)
def test_a_verb_acts_on_what_is_selected(
    server: Running, selection: object, found: list[str]
) -> None:
    make(server, "web", replica=2, labels={"tier": "front"})
    make(server, "api", labels={"tier": "front"})
    make(server, "worker", namespace="b")

    response = post(server, "stop?wait=30", selection)

    assert [target["alias"] for target in response.json["targets"]] == found


@pytest.mark.parametrize(
    ("selection", "status"),
    [({}, 400), ({"tasks": ["no"]}, 404), ({"tasks": ["n*"]}, 404), ({"tasks": ["web:7"]}, 404)],
    ids=str,
)
def test_a_selection_of_nothing_is_refused(server: Running, selection: object, status: int) -> None:
    make(server, "web")

    assert post(server, "stop", selection).status == status


# History, schedules, the whole.


def test_runs_are_kept_with_their_ends(server: Running) -> None:
    make(server, "job", type="cron", cmd="exit 2", cron="0 0 1 1 *")
    for _ in range(3):
        post(server, "tasks/job/run?wait=30")

    page = get(server, "tasks/job/runs?limit=2")

    assert [run["exit"]["code"] for run in page["runs"]] == [2, 2]
    assert all(run["trigger"] == "run" and run["ok"] is False for run in page["runs"])
    rest = get(server, f"tasks/job/runs?before={page['next']}")
    assert len(rest["runs"]) == 1
    assert rest["next"] is None
    first = rest["runs"][0]
    assert get(server, f"tasks/job/runs/{first['run']}") == first
    assert first["duration"] >= 0
    assert server.request("GET", "/v1/tasks/other/runs").status == 404
    assert server.request("GET", f"/v1/tasks/other/runs/{first['run']}").status == 404
    assert server.request("GET", "/v1/tasks/job/runs/x").json["field"] == "run"


def test_a_schedule_is_previewed_in_its_zone(server: Running) -> None:
    query = "cron=30+2+*+*+*&tz=America/New_York&from=2024-03-09T12:00:00Z&n=2"

    fires = get(server, f"schedule/next?{query}")["fires"]

    assert [fire["local"] for fire in fires] == [
        "2024-03-10T03:00:00-04:00",
        "2024-03-11T02:30:00-04:00",
    ]
    for query, field in (("cron=x", "cron"), ("cron=@daily&tz=Mars", "tz")):
        assert server.request("GET", f"/v1/schedule/next?{query}").json["field"] == field


def test_a_task_shows_its_next_fires_but_not_those_in_a_blackout(server: Running) -> None:
    blackouts = [{"cron": "0 0 2 1 *", "seconds": 86_400}]
    make(server, "job", type="cron", cmd="true", cron="0 4 * * *", blackouts=blackouts)

    found = get(server, "tasks/job/schedule?from=2030-01-01T00:00:00Z&n=2")

    assert (found["cron"], found["timezone"]) == ("0 4 * * *", "UTC")
    assert [fire["utc"][:16] for fire in found["fires"]] == ["2030-01-01T04:00", "2030-01-03T04:00"]


def test_the_graph_shows_conditions_states_and_the_critical_chain(server: Running) -> None:
    up(server, "db")
    up(server, "web", deps=[{"task": "db", "until": "ready"}])
    make(server, "late", deps=[{"task": "none", "until": "started"}])

    graph = get(server, "graph")

    states = {node["name"]: node["state"] for node in graph["nodes"]}
    assert states == {"db": "running", "web": "running", "late": "blocked"}
    edges = {(edge["task"], edge["needs"]): edge["why"] for edge in graph["edges"]}
    assert edges == {("web", "db"): None, ("late", "none"): "none does not exist"}
    assert [link["task"] for link in graph["critical_chain"]] == ["web", "db"]


def test_what_runs_by_a_schedule_or_waits_for_nothing_hides_no_critical_chain(
    server: Running,
) -> None:
    up(server, "db")
    up(server, "web", deps=[{"task": "db", "until": "ready"}])
    up(server, "later")
    make(server, "job", type="cron", cmd="serve", cron="0 0 1 1 *", deps=["db"])
    post(server, "tasks/job/run?wait=30")

    chain = get(server, "graph")["critical_chain"]

    assert [link["task"] for link in chain] == ["web", "db"]


def test_the_service_tells_of_itself_and_does_what_it_is_told(both: tuple[Running, Live]) -> None:
    server, parts = both
    up(server, "web", replica=2)

    info = get(server, "info")

    assert (info["generation"], info["tasks"], info["alive"], info["ready"]) == (3, 1, 2, 2)
    assert get(server, "health") == {"status": "ok", "tasks": 1}
    assert post(server, "reload").status == 202
    assert post(server, "shutdown").json == {"status": "stopping"}
    server.call(lambda: None)
    assert parts.asked == ["reload", "shutdown"]


def test_health_needs_no_token(tmp_path: Path) -> None:
    with live(tmp_path, token="x") as (server, _):
        assert server.request("GET", "/v1/health").status == 200
        refused = server.request("GET", "/v1/info")

    assert refused.status == 401
    assert refused.headers["content-type"] == "application/problem+json"

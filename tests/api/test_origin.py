"""The file that a task came from, and what was changed since, as /v1 shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .live import live
from .support import Response, Running

FILE = "/srv/proctor.toml"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with live(tmp_path) as (server, _):
        yield server


def put(server: Running, query: str = f"?source={FILE}", **fields: Any) -> Response:
    body = {"name": "web", "type": "daemon", "cmd": "serve", **fields}
    return server.request("PUT", f"/v1/tasks/web{query}", body)


def patch(server: Running, **fields: Any) -> None:
    assert server.request("PATCH", "/v1/tasks/web", fields).json["result"] == "updated"


def source(server: Running) -> Any:
    return server.request("GET", "/v1/tasks/web").json["source"]


def test_a_task_of_no_file_has_no_source(server: Running) -> None:
    assert put(server, "").json["task"]["source"] is None


def test_what_was_changed_since_is_shown_until_it_is_applied_again(server: Running) -> None:
    made = put(server).json["task"]["source"]
    assert (made["file"], made["changes"]) == (FILE, [])

    patch(server, description="by hand")
    server.request("POST", "/v1/tasks/web/scale?replica=3")

    changed = source(server)
    assert changed == made | {
        "changes": [
            {"field": "replica", "before": "1", "after": "3"},
            {"field": "description", "before": '""', "after": '"by hand"'},
        ]
    }
    # The file has learnt of it: nothing is done, and nothing is different any more.
    again = put(server, replica=3, description="by hand").json
    assert (again["result"], again["task"]["source"]["changes"]) == ("unchanged", [])
    assert again["task"]["source"]["applied_at"] >= made["applied_at"]


def test_a_dry_run_leaves_it(server: Running) -> None:
    put(server)

    put(server, "?dry_run=1&source=/other.toml", nice=3)

    assert source(server)["file"] == FILE


def test_a_source_is_an_absolute_path(server: Running) -> None:
    refused = put(server, "?source=proctor.toml")

    assert (refused.status, refused.json["field"]) == (400, "source")


def test_secrets_are_hidden_on_both_sides_even_if_they_are_called_so_no_more(
    server: Running,
) -> None:
    env = {"PIN": "1111", "DB_PASSWORD": "2222", "PORT": "80"}
    put(server, env=env, secret_env=["PIN"])
    patch(server, secret_env=None, env={"DB_PASSWORD": None, "PORT": "81"})

    text = server.request("GET", "/v1/tasks/web").json["source"]["changes"]

    assert text[0] == {
        "field": "env",
        "before": '{"PIN":"***","DB_PASSWORD":"***","PORT":"80"}',
        "after": '{"PIN":"***","PORT":"81"}',
    }
    dry = put(server, "?dry_run=1", env={}, secret_env=["PIN"]).json["changes"]
    assert "1111" not in str(dry)


def test_of_several_secrets_the_one_that_changes_is_told(server: Running) -> None:
    env = {"DB_PASSWORD": "1111", "TOKEN": "2222", "PORT": "80"}
    put(server, env=env)

    dry = put(server, "?dry_run=1", env=env | {"TOKEN": "3333", "MY_SECRET": "4444"})

    assert dry.json["changes"] == [
        {
            "field": "env",
            "before": '{"DB_PASSWORD":"***","TOKEN":"***","PORT":"80"}',
            "after": '{"DB_PASSWORD":"***","TOKEN":"*** (changed)","PORT":"80","MY_SECRET":"***"}',
            "restarts": True,
        }
    ]


def test_the_host_of_a_script_is_no_change_of_it(server: Running) -> None:
    script: dict[str, Any] = {"type": "python", "cmd": "pass"}
    put(server, **script)

    patch(server, isolate=True)

    assert [change["field"] for change in source(server)["changes"]] == ["isolate"]


def test_the_next_manager_knows_it(tmp_path: Path) -> None:
    with live(tmp_path) as (server, _):
        put(server)
        patch(server, cwd="/tmp")
        before = source(server)
    (tmp_path / "socket").unlink()

    with live(tmp_path) as (server, _):
        assert source(server) == before
    assert [change["field"] for change in before["changes"]] == ["cwd"]

"""Requests made up from the document, by schemathesis: no 5xx, nothing that is not announced."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .live import live
from .support import Running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TASKS = [
    {"name": "web", "type": "daemon", "cmd": "serve", "replica": 2, "env": {"TOKEN": "x"}},
    {"name": "db", "type": "daemon", "cmd": "serve", "readiness": {"notify": True}},
    {"name": "job", "type": "cron", "cmd": "exit 1", "cron": "* * * * * *"},
    {"name": "last", "type": "once", "cmd": "true", "deps": ["db"]},
]


# Not the endless ones: logs and events stream.
GROUPS = ["proc", "tasks", "verbs", "operations", "runs", "schedules", "system"]
WHOLE_TASK = "put_task"
TAKE_A_TASK = {"start", "create_task", WHOLE_TASK}
"""To learn how to make up a task takes five seconds: one operation does, the others get the same.
Wrong ones would take half a minute: see test_fuzz."""
SETTINGS = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("tag", GROUPS)
def test_made_up_requests_get_what_the_document_announces(tmp_path: Path, tag: str) -> None:
    with live(tmp_path) as (server, _):
        operations = _operations(server)
        chosen = [op for op in operations if op.tags == [tag]]

        assert chosen
        asked: set[str] = set()
        for operation in chosen:
            if _id(operation) in TAKE_A_TASK:
                continue
            _try(operation, GenerationMode.POSITIVE)
            if (what := _what_it_takes(operation)) not in asked:
                asked.add(what)
                _try(operation, GenerationMode.NEGATIVE)


@pytest.mark.slow
def test_made_up_tasks_get_what_the_document_announces(tmp_path: Path) -> None:
    with live(tmp_path) as (server, _):
        takers = {_id(op): op for op in _operations(server) if _id(op) in TAKE_A_TASK}
        assert takers.keys() == TAKE_A_TASK
        others = [op for id, op in takers.items() if id != WHOLE_TASK]
        _try(takers[WHOLE_TASK], GenerationMode.POSITIVE, others)


def _operations(server: Running) -> list[Any]:
    for task in TASKS:
        assert server.request("POST", "/v1/tasks", task).status == 201
    url = f"http://127.0.0.1:{server.port}/openapi.json"
    schema = schemathesis.openapi.from_url(url, config=SchemathesisConfig())
    return [found.ok() for found in schema.get_all_operations()]


def _id(operation: Any) -> str:
    return str(operation.definition.raw["operationId"])


def _what_it_takes(operation: Any) -> str:
    """Return its parameters and body as text: the same wrong ones need not be tried twice."""
    raw = operation.definition.raw
    return json.dumps([raw.get("parameters"), raw.get("requestBody")], sort_keys=True)


def _try(operation: Any, mode: GenerationMode, others: Sequence[Any] = ()) -> None:
    """Send requests to an operation, and their bodies to others."""
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Unsatisfiable:
        return

    @SETTINGS
    @given(strategy)
    def check(case: Any) -> None:
        _make_it_meet_something(case)
        case.call_and_validate(checks=CHECKS)
        for other in others:
            again = other.Case(body=case.body, media_type="application/json")
            again.call_and_validate(checks=CHECKS)

    try:
        check()
    except (Unsatisfiable, SkipTest):
        return  # Nothing can be wrong with what takes nothing.


def _make_it_meet_something(case: Any) -> None:
    """Have half of the requests name a task that is there, and none wait for long."""
    name = str((case.path_parameters or {}).get("name", ""))
    if len(name) % 2:
        case.path_parameters["name"] = TASKS[len(str(case.body)) % 4]["name"]
    if "wait" in (case.query or {}):
        case.query["wait"] = "0"

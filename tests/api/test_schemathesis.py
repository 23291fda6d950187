"""Requests made up from the document, by schemathesis: no 5xx, nothing that is not announced."""

from __future__ import annotations

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
SETTINGS = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("tag", GROUPS)
def test_made_up_requests_get_what_the_document_announces(tmp_path: Path, tag: str) -> None:
    with live(tmp_path) as (server, _):
        for task in TASKS:
            assert server.request("POST", "/v1/tasks", task).status == 201
        url = f"http://127.0.0.1:{server.port}/openapi.json"
        schema = schemathesis.openapi.from_url(url, config=SchemathesisConfig())
        operations = [found.ok() for found in schema.get_all_operations()]
        chosen = [op for op in operations if op.tags == [tag]]

        assert chosen
        for operation in chosen:
            if _takes_a_task(operation):  # Wrong ones take half a minute to make up: see test_fuzz.
                _try(operation, GenerationMode.POSITIVE, settings(SETTINGS, max_examples=3))
                continue
            _try(operation, GenerationMode.POSITIVE, SETTINGS)
            _try(operation, GenerationMode.NEGATIVE, SETTINGS)


def _takes_a_task(operation: Any) -> bool:
    return operation.method in ("post", "put") and operation.path in (
        "/proc",
        "/v1/tasks",
        "/v1/tasks/{name}",
    )


def _try(operation: Any, mode: GenerationMode, effort: settings) -> None:
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Unsatisfiable:
        return

    @effort
    @given(strategy)
    def check(case: Any) -> None:
        _make_it_meet_something(case)
        case.call_and_validate(checks=CHECKS)

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

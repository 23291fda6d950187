"""Whatever is posted, the answer is one of those that are announced, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proctor.api.schemas import EXPECTED

from .support import Running, running, task

FIELDS = [name for name in EXPECTED if name != "wait"]
QUIET = settings(
    max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from([*FIELDS, "x"]) | st.text(max_size=5)
limits = st.dictionaries(
    st.sampled_from(["nofile", "core", "locks"]),
    st.none() | st.integers() | st.lists(st.none() | st.integers(), max_size=3) | anything,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path: Path = tmp_path_factory.mktemp("api")
    with running(path) as server:
        yield server


def check(fuzzed: Running, body: bytes) -> None:
    response = fuzzed.post(body)

    answer: dict[str, Any] = response.json
    assert response.status in (200, 400, 409, 422, 501)
    assert answer["code"] == response.status
    assert isinstance(answer["msg"], str)
    assert set(answer) <= {"code", "msg", "field"}
    assert len(response.body) < 5000


@QUIET
@given(st.binary(max_size=300))
def test_any_bytes(fuzzed: Running, body: bytes) -> None:
    check(fuzzed, body)


@QUIET
@given(anything)
def test_any_json(fuzzed: Running, value: object) -> None:
    check(fuzzed, json.dumps(value).encode())


@QUIET
@given(st.dictionaries(names, anything, max_size=6))
def test_a_good_body_with_anything_in_it(fuzzed: Running, changes: dict[str, Any]) -> None:
    check(fuzzed, json.dumps(task() | changes).encode())


@QUIET
@given(limits)
def test_limits_of_any_shape(fuzzed: Running, value: object) -> None:
    check(fuzzed, json.dumps(task(rlimits=value)).encode())


@QUIET
@given(st.data())
def test_a_good_body_with_a_few_bytes_changed(fuzzed: Running, data: st.DataObject) -> None:
    body = bytearray(json.dumps(task(env={"A": "é\n"}, rlimits={"nofile": [1, 2]})).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))

    check(fuzzed, bytes(body))

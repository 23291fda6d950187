from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from proctor.api import docs
from proctor.logs.writer import LogWriter

from .support import Response, Running, running, task

ROOT = Path(__file__).parent.parent.parent
VENDOR = ROOT / "src" / "proctor" / "web" / "vendor"


def document(server: Running) -> dict[str, Any]:
    result: dict[str, Any] = server.request("GET", "/openapi.json").json
    return result


def check(doc: dict[str, Any], method: str, path: str, response: Response) -> None:
    """Assert that the response is one that the document announces."""
    announced = doc["paths"][path][method]["responses"][str(response.status)]
    (content_type,) = announced["content"]
    assert response.headers["content-type"] == content_type
    schema = {**announced["content"][content_type]["schema"], "components": doc["components"]}
    jsonschema.Draft202012Validator(schema).validate(response.json)


def test_the_document_is_valid_openapi_3_1(server: Running) -> None:
    doc = document(server)

    OpenAPIV31SpecValidator(doc).validate()
    assert doc["openapi"].startswith("3.1")
    assert {"/proc", "/proc/output", "/v1/tasks", "/v1/tasks/{name}/start"} <= set(doc["paths"])
    assert set(doc["paths"]["/proc"]) == {"get", "post", "put", "delete"}


def test_with_a_token_the_document_says_so(tmp_path: Path) -> None:
    with running(tmp_path, token="x") as server:
        doc = document(server)

        OpenAPIV31SpecValidator(doc).validate()
        assert doc["security"] == [{"token": []}]
        check(doc, "get", "/proc", server.request("GET", "/proc"))


def test_what_is_answered_is_what_the_document_announces(server: Running, tmp_path: Path) -> None:
    LogWriter(tmp_path / "logs").close()
    doc = document(server)
    requests: list[tuple[str, str, Any, int]] = [
        ("POST", "/proc", task(type="daemon", user="root", deps=["x"]), 200),
        ("POST", "/proc", task(name="c", type="cron", interval=0.5), 200),
        ("POST", "/proc", task(), 409),
        ("POST", "/proc", task(name=1), 400),
        ("POST", "/proc", b"[" * 2_000_000, 413),
        ("POST", "/proc", task(name="self", deps=["self"]), 422),
        ("GET", "/proc", None, 200),
        ("PUT", "/proc?name=task1", None, 200),
        ("PUT", "/proc?name=no", None, 404),
        ("PUT", "/proc", None, 400),
        ("GET", "/proc/output?name=task1", None, 200),
        ("GET", "/proc/output?name=no", None, 404),
        ("DELETE", "/proc?name=no", None, 404),
        ("DELETE", "/proc?name=task1&wait=0", None, 200),
    ]
    for method, path, body, expected in requests:
        response = server.request(method, path, body)

        assert response.status == expected, (method, path)
        check(doc, method.lower(), path.partition("?")[0], response)


def test_the_examples_are_valid_and_taken(server: Running) -> None:
    doc = document(server)
    media = doc["paths"]["/proc"]["post"]["requestBody"]["content"]["application/json"]
    schema = {**media["schema"], "components": doc["components"]}

    assert media["examples"]
    for example in media["examples"].values():
        jsonschema.Draft202012Validator(schema).validate(example["value"])
        assert server.post(example["value"]).status == 200


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"name": "a b"}, False),
        ({"name": ".a"}, False),
        ({"replica": 0}, False),
        ({"replica": 10_001}, False),
        ({"umask": "022"}, True),
        ({"umask": "0999"}, False),
        ({"rlimits": {"nofile": [1, None], "core": None, "cpu": 3}}, True),
        ({"rlimits": {"nofile": [1]}}, False),
        ({"env": {"A=": ""}}, False),
        ({"cmd": "\0"}, False),
        ({"stop_signal": "SIGUSR1"}, True),
        ({"stop_signal": "usr1"}, False),
        ({"more": 1}, False),
    ],
)
def test_the_schema_refuses_what_the_service_refuses(
    server: Running, change: dict[str, object], valid: bool
) -> None:
    doc = document(server)
    schema = {"$ref": "#/components/schemas/SeedTaskRequest", "components": doc["components"]}
    body = task(**change)

    assert jsonschema.Draft202012Validator(schema).is_valid(body) is valid
    assert (server.post(body).status == 200) is valid


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(server: Running) -> None:
    page = server.request("GET", "/docs")

    html = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<meta charset="utf-8">' in html
    assert "//" not in html
    assert re.findall(r"<script[^>]*>([^<]*)</script>", html) == ["", ""]
    assert "<style" not in html
    for path in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert server.request("GET", path).status == 200, path
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "validatorUrl: null" in server.request("GET", "/docs/start.js").body.decode()


@pytest.mark.parametrize("name", docs.FILES)
def test_the_vendored_files_are_served_as_they_are(server: Running, name: str) -> None:
    response = server.request("GET", f"/docs/{name}")

    digest = hashlib.sha256(response.body).hexdigest()
    assert f"{digest}  swagger-ui/{name}" in (VENDOR / "VERSIONS").read_text()
    assert b"sourceMappingURL" not in response.body[-200:]


def test_the_vendored_files_are_what_their_list_says() -> None:
    checked = subprocess.run([sys.executable, ROOT / "scripts" / "vendor.py", "--check"])

    assert checked.returncode == 0

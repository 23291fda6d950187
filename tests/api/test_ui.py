"""The files of the web UI: what is served, how, and what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proctor.api import ui

from .support import Running, running

FILES = sorted(
    path.relative_to(ui.WEB).as_posix()
    for path in ui.WEB.rglob("*")
    if path.suffix in ui.TYPES and "swagger-ui" not in path.parts
)
IMPORTED = re.compile(r'(?:\bfrom|^import|\bimport\() ?"([^"\s]+)"', re.M)


def test_every_file_is_served_with_its_type(server: Running) -> None:
    for name in FILES:
        response = server.request("GET", f"/ui/{name}")

        assert response.status == 200, name
        assert response.headers["content-type"] == ui.TYPES[Path(name).suffix].decode()
        assert response.body == (ui.WEB / name).read_bytes()
        assert response.headers["x-content-type-options"] == "nosniff"


def test_a_copy_that_is_still_right_is_not_sent_again(server: Running) -> None:
    tag = server.request("GET", "/ui/app.js").headers["etag"]

    again = server.request("GET", "/ui/app.js", None, {"If-None-Match": f'"other", W/{tag}'})
    other = server.request("GET", "/ui/app.js", None, {"If-None-Match": '"other"'})

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "no-cache"
    assert other.status == 200


def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(server: Running) -> None:
    page = server.request("GET", "/")

    html = page.body.decode()
    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "//" not in html
    assert "style=" not in html
    assert set(re.findall(r"<script[^>]*>([^<]*)</script>", html)) == {""}
    for path in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert server.request("GET", path).status == 200, path


def test_modules_import_only_files_that_are_served() -> None:
    for name in FILES:
        path = ui.WEB / name
        if path.suffix == ".js":
            for wanted in IMPORTED.findall(path.read_text("utf-8")):
                assert wanted.startswith("."), (name, wanted)
                found = (path.parent / wanted).resolve().relative_to(ui.WEB).as_posix()
                assert found in FILES, (name, wanted)


@pytest.mark.parametrize(
    "path",
    [
        "/ui/",
        "/ui/README.md",
        "/ui/no.js",
        "/ui/vendor",
        "/ui/vendor/VERSIONS",
        "/ui/vendor/preact/LICENSE",
        "/ui/../api/ui.py",
        "/ui/%2e%2e/api/ui.py",
        "/ui/..%2fapi%2fui.py",
        "/ui/./app.js",
        "/ui//app.js",
        "/ui/%2fetc%2fpasswd",
        "/ui/app.js%00",
        "/ui/app.js/",
        "/ui/.hidden.js",
    ],
)
def test_nothing_else_is_there(server: Running, path: str) -> None:
    assert server.request("GET", path).status == 404


def test_only_the_page_and_its_files_need_no_token(tmp_path: Path) -> None:
    with running(tmp_path, token="x") as server:
        without: dict[str, str] = {"Authorization": ""}

        assert server.request("GET", "/", None, without).status == 200
        assert server.request("GET", "/ui/app.js", None, without).status == 200
        for path in ("/proc", "/v1/tasks", "/ui", "/v1/history", "/v1/metrics/stream"):
            assert server.request("GET", path, None, without).status == 401, path


@pytest.mark.parametrize(
    ("change", "path", "status"),
    [
        ({}, "/", 200),
        ({"Sec-Fetch-Dest": "iframe"}, "/", 403),
        ({"Sec-Fetch-Mode": "cors"}, "/", 403),
        ({"Origin": "http://other.example"}, "/", 403),
        ({}, "/ui/app.js", 403),
        ({}, "/v1/tasks", 403),
    ],
)
def test_a_link_on_another_site_opens_the_page_and_nothing_else(
    server: Running, change: dict[str, str], path: str, status: int
) -> None:
    followed = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }

    assert server.request("GET", path, None, followed | change).status == status

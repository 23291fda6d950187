"""Tasks that restart when files change, with real files and real processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .service import Service, until


def create(service: Service, name: str, folder: Path, **watch: Any) -> int:
    """Make a task that watches the folder; return the pid of its process once it is watched."""
    watch = {"paths": [str(folder)], "debounce": 0.05, **watch}
    body = {"name": name, "type": "daemon", "cmd": "sleep 1000", "watch": watch}
    answer = service.request("POST", "/v1/tasks", body)
    assert answer.status == 201, answer
    service.wait_event("watching", task=name)
    return until(lambda: pid_of(service, name))


def pid_of(service: Service, name: str) -> int:
    replicas = service.request("GET", f"/v1/tasks/{name}").body["replicas"]
    return replicas[0]["pid"] or 0


def wait_restart(service: Service, name: str, before: int) -> int:
    return until(lambda: (pid := pid_of(service, name)) != before and pid)


def runs(service: Service, name: str) -> list[str]:
    """Return what began each of the task's runs, the first one first."""
    found = service.request("GET", f"/v1/tasks/{name}/runs").body["runs"]
    return [run["trigger"] for run in reversed(found)]


def test_a_burst_of_changes_restarts_once_and_says_which_file(
    service: Service, tmp_path: Path
) -> None:
    before = create(service, "web", tmp_path, include=["*.py"], debounce=0.3)
    (tmp_path / "notes.txt").write_text("no source")
    for number in range(20):
        (tmp_path / f"mod{number}.py").write_text("x = 1")

    wait_restart(service, "web", before)

    assert runs(service, "web") == ["api", "watch"]
    events = service.request("GET", "/v1/history?task=web").body
    assert "mod0.py and 19 more" in str(events)


def test_what_depends_on_it_restarts_with_it_if_so_asked_for(
    service: Service, tmp_path: Path
) -> None:
    before = create(service, "web", tmp_path, cascade=True)
    for name, deps in (("proxy", ["web"]), ("other", [])):
        service.must_post(name, "sleep 1000", type="daemon", deps=deps)
        service.wait_running(name)
    proxy = pid_of(service, "proxy")

    (tmp_path / "app.py").write_text("x = 1")

    wait_restart(service, "web", before)
    wait_restart(service, "proxy", proxy)
    assert [runs(service, name) for name in ("proxy", "other")] == [["api", "watch"], ["api"]]


def test_files_in_folders_that_come_later_count_however_early_they_came(
    service: Service, tmp_path: Path
) -> None:
    pid = create(service, "web", tmp_path)
    ready = tmp_path.with_name(tmp_path.name + "-ready")
    (ready / "deep").mkdir(parents=True)
    (ready / "deep" / "old.conf").write_text("old")

    ready.rename(tmp_path / "moved")  # The file is there before anybody can watch its folder.
    pid = wait_restart(service, "web", pid)
    (tmp_path / "moved" / "deep" / "old.conf").write_text("new")
    pid = wait_restart(service, "web", pid)
    (tmp_path / "moved" / "deep" / "old.conf").unlink()

    wait_restart(service, "web", pid)


def test_a_file_that_is_replaced_is_still_watched(service: Service, tmp_path: Path) -> None:
    config = tmp_path / "app.conf"
    pid = create(service, "web", config)  # It is not there yet.
    config.write_text("1")
    pid = wait_restart(service, "web", pid)
    for text in ("2", "3"):
        new = tmp_path / "app.conf.new"
        new.write_text(text)
        os.replace(new, config)
        pid = wait_restart(service, "web", pid)


def test_the_watch_outlives_stops_the_manager_and_a_new_spec(
    service: Service, tmp_path: Path
) -> None:
    pid = create(service, "web", tmp_path)
    service.request("POST", "/v1/tasks/web/stop?wait=30")
    service.request("POST", "/v1/tasks/web/start?wait=30")
    pid = pid_of(service, "web")
    (tmp_path / "a").write_text("1")
    pid = wait_restart(service, "web", pid)

    service.kill_manager()
    service.wait_event("watching", count=2, task="web")
    (tmp_path / "a").write_text("2")
    pid = wait_restart(service, "web", pid)

    other = tmp_path / "other"
    other.mkdir()
    service.request("PATCH", "/v1/tasks/web", {"watch": {"paths": [str(other)], "debounce": 0.05}})
    service.wait_event("watching", count=3, task="web")
    (other / "b").write_text("1")
    wait_restart(service, "web", pid_of(service, "web"))

"""The figures of a real service, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.system.service import Service, until

MIB = 1 << 20
BUSY = "python3 -c 'held = bytearray(200 << 20); print(1, flush=True)\nwhile True: pass'; true"
IDLE = "python3 -c 'held = bytearray({} << 20)\nimport signal; signal.pause()'; true"


def put(service: Service, name: str, cmd: str, **more: Any) -> None:
    body = {"name": name, "type": "daemon", "cmd": cmd, **more}
    assert service.request("PUT", f"/v1/tasks/{name}", body).status == 201


def usage(service: Service, query: str = "") -> dict[str, Any]:
    answer = service.request("GET", f"/v1/metrics{query}")
    assert answer.status == 200, answer
    return {task["name"]: task for task in answer.body["tasks"]}


def scrape(service: Service) -> dict[str, Metric]:
    answer = service.request("GET", "/metrics")
    assert answer.status == 200, answer
    return {family.name: family for family in text_string_to_metric_families(answer.body)}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float | None:
    for family in families.values():
        for found in family.samples:
            if found.name == sample and found.labels == labels:
                return found.value
    return None


def test_what_a_child_of_a_shell_uses_shows_at_the_task(service: Service) -> None:
    put(service, "busy", BUSY)

    def found() -> dict[str, Any] | None:
        task: dict[str, Any] = usage(service, "?pss=1&task=busy")["busy"]
        hot = task["cpu"] is not None and task["cpu"] > 0.01 and task["cpu_seconds"] > 0.5
        return task if hot and task["rss"] > 200 * MIB else None

    task = until(found)
    (replica,) = task["replicas"]
    assert replica["alias"] == "busy:0"
    assert task["processes"] == 2
    assert task["threads"] >= 2
    assert 200 * MIB < task["pss"] <= task["rss"]
    assert task["fds"] >= 6

    answer = service.request("GET", "/v1/tasks/busy/metrics?range=10m")
    (series,) = answer.body["replicas"]
    assert answer.body["step"] == 2.0
    assert max(point["rss"] for point in series["points"]) > 200 * MIB
    day = service.request("GET", "/v1/tasks/busy/metrics?range=24h").body["replicas"][0]["points"]
    assert max(point["rss"] for point in day) > 200 * MIB


def test_a_run_over_memory_restart_is_ended_and_the_reason_kept(service: Service) -> None:
    limits = {"memory_restart": "50M"}
    put(service, "leak", IDLE.format(80), limits=limits, interval=0.1)

    def ended() -> Any:
        runs = service.request("GET", "/v1/tasks/leak/runs").body["runs"]
        return next((run for run in runs if run["ended"] is not None), None)

    run = until(ended)
    assert "over memory_restart 50 MiB" in run["exit"]["text"]
    assert not run["ok"]
    put_back = service.request("DELETE", "/v1/tasks/leak?wait=30")
    assert put_back.status == 200


def test_nothing_is_sampled_before_somebody_asks(service: Service) -> None:
    put(service, "one", "sleep 1000")
    service.wait_running("one")

    families = scrape(service)

    assert value(families, "proctor_sweeps_total") == 2


def test_prometheus_can_read_all_there_is(service: Service) -> None:
    put(service, "web", "echo hello; exec sleep 1000", replica=2)
    put(service, "short", "sleep 0.05", interval=0.05)
    put(service, "tick", "true", type="cron", cron="* * * * * *")
    service.wait_running("web", 2)
    until(lambda: value(scrape(service), "proctor_schedule_lag_seconds_count", task="tick"))
    until(lambda: value(scrape(service), "proctor_log_bytes", task="web", replica="0"))
    assert service.request("GET", "/v1/tasks/none").status == 404

    families = scrape(service)

    web = {"task": "web", "replica": "1"}
    assert value(families, "proctor_up", **web) == 1
    assert value(families, "proctor_ready", **web) == 1
    assert value(families, "proctor_restarts_total", **web) == 0
    assert value(families, "proctor_cpu_seconds_total", **web) is not None
    assert (value(families, "proctor_rss_bytes", **web) or 0) > 4096
    assert value(families, "proctor_log_lost_bytes_total", **web) == 0
    assert (value(families, "proctor_restarts_total", task="short", replica="0") or 0) > 0
    assert (value(families, "proctor_run_duration_seconds_count", task="short") or 0) > 0
    assert (value(families, "proctor_run_duration_seconds_sum", task="short") or 0) > 0.04
    assert value(families, "proctor_http_request_duration_seconds_count", operation="put_task") == 3
    assert value(families, "proctor_http_problems_total", operation="get_task", status="404") == 1


def test_the_openmetrics_format_is_given_to_who_accepts_it(service: Service) -> None:
    put(service, "web", "exec sleep 1000")
    service.wait_running("web")

    answer = service.request(
        "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(answer.body)}
    assert {"proctor_up", "proctor_cpu_seconds", "proctor_run_duration_seconds"} <= names


def test_a_task_that_does_not_exist_is_told(service: Service) -> None:
    assert service.request("GET", "/v1/tasks/none/metrics").status == 404
    assert service.request("GET", "/v1/metrics?task=none").status == 404
    assert service.request("GET", "/v1/tasks/none/metrics?range=1y").status == 400


def test_a_script_of_its_own_host_is_told_what_the_host_uses_and_ended_over_its_bound(
    service: Service, tmp_path: Path
) -> None:
    grows = tmp_path / "grows.py"
    grows.write_text(
        "import asyncio\n"
        "async def main():\n"
        "    held = bytearray(150 << 20)\n"
        "    while True:\n"
        "        await asyncio.sleep(0.01)\n"
    )
    put(service, "free", str(grows), type="python", isolate=True)
    free = until(lambda: found if (found := usage(service)["free"])["rss"] > 150 * MIB else None)
    put(service, "bound", str(grows), type="python", limits={"memory_restart": "100M"})

    def ended() -> Any:
        runs = service.request("GET", "/v1/tasks/bound/runs").body["runs"]
        return next((run for run in runs if run["ended"] is not None), None)

    run = until(ended)

    assert free["replicas"][0]["alias"] == "free:0"
    assert free["processes"] >= 1
    assert not run["ok"]
    assert "memory" in run["exit"]["text"]

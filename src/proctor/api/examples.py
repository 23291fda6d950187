"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Any

TASK: dict[str, Any] = {
    "name": "web",
    "type": "daemon",
    "cmd": "exec ./server --port 8080",
    "replica": 2,
    "namespace": "shop",
    "labels": {"tier": "front"},
    "cwd": "/srv/shop",
    "env": {"PORT": "8080"},
    "deps": [{"task": "db", "until": "ready"}],
    "restart": {"factor": 2, "cap": 60, "limit": 6},
    "readiness": {"http": "http://127.0.0.1:8080/healthz", "period": 2},
}
PATCH: dict[str, Any] = {"replica": 2, "env": {"PORT": None}}
SELECTION: dict[str, Any] = {"tasks": ["web", "worker-*"], "labels": {"tier": "front"}}
OPERATION: dict[str, Any] = {
    "id": "5f0c1c36d5a94e01",
    "verb": "start",
    "state": "done",
    "began": 1893456000.0,
    "ended": 1893456001.5,
    "targets": [{"alias": "web:0", "state": "done", "reason": "up"}],
    "reason": "",
}
EXIT: dict[str, Any] = {"text": "exited 1", "code": 1, "cpu": 0.2, "max_rss": 8_388_608}
SUMMARY: dict[str, Any] = {
    "name": "web",
    "type": "daemon",
    "namespace": "shop",
    "labels": {"tier": "front"},
    "deps": ["db"],
    "state": "running",
    "reason": "",
    "cmd": "exec ./server --port 8080",
    "enabled": True,
    "replicas": 1,
    "alive": 1,
    "ready": 1,
    "pids": [4321],
    "restarts": 0,
    "restarts_total": 2,
    "started": 1893456000.0,
    "next_fire": None,
    "last_exit": EXIT,
}
DETAILS: dict[str, Any] = {
    "name": "web",
    "state": "waiting",
    "reason": "db is not ready",
    "blockers": ["db is not ready"],
    "start_time": 1893456000.0,
    "last_time": None,
    "next_fire": None,
    "queued": 0,
    "skipped": 0,
    "replicas": [
        {
            "alias": "web:0",
            "index": 0,
            "state": "waiting",
            "ready": False,
            "wanted": True,
            "pid": None,
            "run": None,
            "since": 1893456000.0,
            "started": None,
            "uptime": None,
            "ready_since": None,
            "restarts": 0,
            "reason": "",
            "next_restart": None,
            "last_exit": None,
            "checks": [
                {
                    "name": "readiness",
                    "passing": True,
                    "successes": 12,
                    "failures": 0,
                    "text": "HTTP 200",
                    "at": 1893456000.0,
                }
            ],
        }
    ],
    "dependents": [],
    "spec": TASK,
    "source": {
        "file": "/srv/shop/proctor.toml",
        "applied_at": 1893456000.0,
        "changes": [{"field": "replica", "before": "1", "after": "2"}],
    },
}
PUT: dict[str, Any] = {
    "result": "updated",
    "changes": [{"field": "cwd", "before": "null", "after": '"/srv/shop"', "restarts": True}],
    "restarts": ["web:0"],
    "stops": [],
}
RUN: dict[str, Any] = {
    "run": 17,
    "alias": "backup:0",
    "trigger": "cron",
    "attempt": 1,
    "pid": 4321,
    "started": 1893456000.0,
    "ended": 1893456012.5,
    "duration": 12.5,
    "ok": False,
    "exit": EXIT,
}
FIRES: dict[str, Any] = {
    "cron": "0 4 * * *",
    "timezone": "Europe/Berlin",
    "fires": [
        {
            "at": 1893466800.0,
            "utc": "2030-01-01T03:00:00+00:00",
            "local": "2030-01-01T04:00:00+01:00",
        }
    ],
}
GRAPH: dict[str, Any] = {
    "nodes": [
        {"name": "db", "type": "daemon", "namespace": "shop", "state": "running"},
        {"name": "web", "type": "daemon", "namespace": "shop", "state": "running"},
    ],
    "edges": [{"task": "web", "needs": "db", "until": "ready", "required": True, "why": None}],
    "critical_chain": [
        {"task": "web", "waited": 1.5, "took": 0.5, "at": 1893456002.0},
        {"task": "db", "waited": 0.0, "took": 1.5, "at": 1893456001.5},
    ],
}
INFO: dict[str, Any] = {
    "version": "0.1.0",
    "pid": 12,
    "keeper_pid": 1,
    "generation": 1,
    "started": 1893456000.0,
    "uptime": 60.0,
    "limits": "cgroup",
    "tasks": 2,
    "replicas": 2,
    "alive": 2,
    "ready": 2,
    "failed": 0,
}

"""The demo's tasks, as PUT /v1/tasks/NAME takes them: a small shop, and what keeps it going."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def tasks(port: int, folder: Path) -> list[dict[str, Any]]:
    """Return them; `port` and the one above it are for the shop's own servers.

    `folder` is where program.py and heartbeat.m are.
    """
    db, web = port, port + 1

    def run(role: str, *arguments: object) -> list[str]:
        return ["python3", str(folder / "program.py"), role, *map(str, arguments)]

    def daemon(name: str, cmd: list[str], **more: Any) -> dict[str, Any]:
        return {"name": name, "type": "daemon", "cmd": cmd, "namespace": "shop", **more}

    front, back = {"tier": "front"}, {"tier": "back"}
    shop = [
        daemon(
            "db",
            run("db", db),
            labels=back,
            description="The shop's database",
            readiness={"tcp": f"127.0.0.1:{db}", "period": 5},
            stop_timeout=5,
        ),
        {
            "name": "migrate",
            "type": "once",
            "cmd": run("migrate"),
            "namespace": "shop",
            "labels": back,
            "deps": [{"task": "db", "until": "ready"}],
        },
        daemon(
            "web",
            run("web", web),
            replica=3,
            labels=front,
            description="The shop",
            deps=[
                {"task": "db", "until": "ready"},
                {"task": "migrate", "until": "completed_ok"},
            ],
            env={"PORT": str(web), "LOG_LEVEL": "info", "DB_PASSWORD": "correct horse"},
            readiness={"http": f"http://127.0.0.1:{web}/healthz", "period": 3},
            liveness={"tcp": f"127.0.0.1:{web}", "period": 10},
            limits={"memory_max": "256M"},
        ),
        daemon(
            "worker",
            run("worker"),
            replica=4,
            labels=back,
            deps=[{"task": "db", "until": "ready"}, {"task": "web", "until": "started"}],
            env={"QUEUE": "default,mail", "API_TOKEN": "s3cr3t"},
        ),
        daemon(
            "mailer",
            run("mailer"),
            labels=back,
            deps=[{"task": "db", "until": "ready"}],
            interval=2,
            restart={"factor": 2, "cap": 60},
        ),
        {
            "name": "ingest",
            "type": "once",
            "cmd": run("ingest"),
            "namespace": "shop",
            "labels": back,
        },
        daemon(
            "search-index",
            run("agent"),
            labels=back,
            deps=[{"task": "ingest", "until": "completed_ok"}],
        ),
        daemon(
            "gateway",
            run("gateway"),
            labels=front,
            readiness={"file": "/run/shop-gateway.ready", "period": 5},
        ),
    ]
    ops = [
        {"name": "backup", "type": "cron", "cmd": run("backup"),
         "cron": "15 3 * * *", "timezone": "Europe/Berlin", "timeout": 3600},
        {"name": "report", "type": "cron", "cmd": run("report"), "cron": "* * * * *"},
        {"name": "cleanup", "type": "cron", "cmd": run("cleanup"), "cron": "*/2 * * * *"},
        {"name": "heartbeat", "type": "melang", "cmd": str(folder / "heartbeat.m")},
        {"name": "metrics-agent", "type": "daemon", "cmd": run("agent")},
        {"name": "old-import", "type": "cron", "cmd": run("ingest"), "cron": "0 1 * * 1",
         "enabled": False},
    ]  # fmt: skip
    return shop + [{"namespace": "ops", **task} for task in ops]


FIRST_RUNS = ("backup", "cleanup", "report")
"""Run once at the beginning, so that there is something to see of them."""

STOPPED = ("metrics-agent",)

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from .conftest import Instance
from .service import Service, until


def saved(service: Service, task: str) -> dict[str, Any]:
    ((text,),) = service.query("SELECT data FROM task WHERE name = ?", task)
    data: dict[str, Any] = json.loads(text)
    return data


def next_fire(service: Service, task: str) -> float:
    return float(saved(service, task)["next_fire"])


def skipped(service: Service, task: str) -> int:
    return int(saved(service, task).get("skipped", 0))


def test_a_schedule_starts_its_task_again_and_again(service: Service) -> None:
    service.must_post("tick", "echo tick", type="cron", cron="* * * * * *", replica=2)

    assert service.tasks()["tick"]["run_flag"] is True
    service.wait_ends("tick", 4)

    runs = service.query('SELECT "index", "trigger", started FROM run ORDER BY run LIMIT 4')
    assert [index for index, _, _ in runs] == [0, 1, 0, 1]
    assert {trigger for _, trigger, _ in runs} == {"cron"}
    assert int(runs[0][2]) < int(runs[2][2])


def test_a_fire_is_skipped_while_the_last_run_goes_on(service: Service) -> None:
    service.must_post("long", "sleep 60", type="cron", cron="* * * * * *")
    (pid,) = service.wait_running("long")

    until(lambda: skipped(service, "long") >= 2)

    assert service.running("long") == [pid]
    assert len(service.query("SELECT 1 FROM run")) == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * *", "4 fields"),
        ("61 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "weekday"),
        ("0 0 30 2 *", "never"),
        ("@sometimes", "macro"),
        ("a b c d e", "minute"),
    ],
)
def test_what_is_no_schedule_is_refused_naming_the_field(
    shared: Service, expression: str, said: str
) -> None:
    answer = shared.post("bad", "true", type="cron", cron=expression)

    assert answer.status in (400, 422), answer
    assert "cron" in answer.body["msg"]
    assert said in answer.body["msg"]
    assert "bad" not in shared.tasks()


@pytest.mark.parametrize(
    "expression",
    [
        "@hourly",
        "@daily",
        "@weekly",
        "@monthly",
        "@yearly",
        "@reboot",
        "0 22-3 * * *",
        "0 0 * * 7",
        "*/5 1,2,3 1-7 jan-mar mon-fri",
        "5 4 * * fri-mon",
    ],
)
def test_all_of_crontab_is_understood(shared: Service, expression: str) -> None:
    name = "".join(c if c.isalnum() else "_" for c in expression)
    name = f"ok{name}"

    shared.must_post(name, "true", type="cron", cron=expression)

    assert shared.tasks()[name]["cron"] == expression
    assert shared.delete(name).status == 200


def test_time_zones_are_the_tasks_or_the_services(instance: Instance) -> None:
    service = instance()
    service.state_dir.mkdir(mode=0o700)
    (service.state_dir / "settings.toml").write_text('timezone = "Asia/Kolkata"\n')
    service.start("--config", str(service.state_dir / "settings.toml"))

    service.must_post("there", "true", type="cron", cron="0 4 * * *", timezone="Asia/Tokyo")
    service.must_post("here", "true", type="cron", cron="0 4 * * *")

    assert next_fire(service, "there") % 86400 == 19 * 3600  # 4:00 at UTC+9
    assert next_fire(service, "here") % 86400 == 22.5 * 3600  # 4:00 at UTC+5:30
    assert service.post("no", "true", type="cron", timezone="Mars/Olympus").status in (400, 422)


def schedule_soon(service: Service, prepare: Callable[[], object]) -> float:
    """Have the task "job" fire once, seconds from now, and `prepare` done before that moment."""
    at = int(time.time()) + 4.0
    day = datetime.fromtimestamp(at, UTC)
    expression = f"{day.second} {day.minute} {day.hour} * * *"
    service.must_post("job", "true", type="cron", cron=expression, timezone="UTC")
    prepare()
    if time.time() > at - 0.2:
        pytest.skip("this machine is too slow for it just now")
    return at


def test_a_fire_missed_while_there_is_no_manager_comes_late_and_once(service: Service) -> None:
    def no_manager() -> None:
        os.kill(service.keeper_pid, signal.SIGSTOP)  # So that it starts no other one.
        service.kill_manager()

    at = schedule_soon(service, no_manager)
    until(lambda: time.time() > at + 1)
    os.kill(service.keeper_pid, signal.SIGCONT)
    service.wait_ends("job")

    ((started, trigger),) = service.query('SELECT started, "trigger" FROM run')
    assert started > at + 0.9
    assert trigger == "cron"
    assert next_fire(service, "job") == at + 86400


def test_a_fire_missed_while_the_service_is_down_is_skipped(service: Service) -> None:
    at = schedule_soon(service, lambda: service.send(15))
    assert service.wait() == 0
    until(lambda: time.time() > at + 0.1)

    service.start()

    assert next_fire(service, "job") == at + 86400
    assert service.query("SELECT 1 FROM run") == []


def test_a_reboot_fires_what_waits_for_it_once(service: Service) -> None:
    service.must_post("boot", "true", type="cron", cron="@reboot")
    assert service.stop() == 0
    assert service.start().query("SELECT 1 FROM run") == []
    assert service.stop() == 0
    with closing(sqlite3.connect(service.db)) as db, db:
        db.execute("UPDATE meta SET value = 'another' WHERE key = 'boot'")

    service.start()

    assert service.wait_ends("boot") == [(0, 0, None, None)]
    assert service.stop() == 0
    service.start()
    assert len(service.query("SELECT 1 FROM run")) == 1

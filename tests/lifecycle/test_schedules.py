"""Schedules: what a fire does while something goes on, and what it becomes."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

from tests.system.service import Service, until

from .tasks import Tasks, stopped_by_gate

EVERY_SECOND = "* * * * * *"


def test_a_fire_while_a_run_goes_on_is_skipped_counted_and_explained(
    tasks: Tasks, tmp_path: Path
) -> None:
    gate = stopped_by_gate(tmp_path)
    tasks.add("job", f"cat {gate}", "cron", cron=EVERY_SECOND)

    seen = tasks.wait("job", lambda t: t["skipped"] >= 2)

    assert len(tasks.runs("job")) == 1
    assert f"{seen['name']}:0 still runs" in tasks.reasons("job", "schedule.skipped")[0]
    gate.write_text("go\n")
    tasks.ended("job", 1)


def test_queued_fires_run_one_after_the_other(tasks: Tasks, tmp_path: Path) -> None:
    gate = stopped_by_gate(tmp_path)
    cron = {"cron": EVERY_SECOND, "overlap": "queue", "queue": 2}
    tasks.add("job", f"cat {gate}", "cron", **cron)
    tasks.wait("job", lambda t: t["queued"] == 2)
    tasks.do("disable", "job")  # What has fired waits as well.
    gate.write_text("go\n")
    assert len(tasks.ended("job", 1)) == 1
    assert tasks.see("job")["queued"] == 2
    tasks.change("job", cron="0 0 1 1 *", enabled=True)

    for count in (2, 3):
        tasks.wait_replica("job", lambda r: r["pid"])
        gate.write_text("go\n")
        tasks.ended("job", count)

    runs = tasks.runs("job")
    assert len(runs) == 3
    assert all(after["started"] >= before["ended"] for before, after in pairwise(runs))


def test_a_new_run_replaces_the_one_that_goes_on(tasks: Tasks) -> None:
    tasks.add("job", "sleep 1000", "cron", cron=EVERY_SECOND, overlap="replace")

    first, second = tasks.ended("job", 2)[:2]

    assert first["exit"]["signal"] == second["exit"]["signal"] == 15
    assert sum(run["ended"] is None for run in tasks.runs("job")) <= 1


def test_runs_may_go_on_beside_each_other(tasks: Tasks) -> None:
    tasks.add("job", "sleep 1000", "cron", cron=EVERY_SECOND, overlap="allow")

    tasks.wait("job", lambda t: sum(r["pid"] is not None for r in t["replicas"]) >= 3)

    assert tasks.do("stop", "job")["state"] == "done"
    assert not any(r["pid"] for r in tasks.see("job")["replicas"])


def test_a_run_that_takes_too_long_ends_as_a_timeout(tasks: Tasks) -> None:
    stubborn = "trap '' TERM; while :; do sleep 0.05; done"
    tasks.add("job", stubborn, "once", timeout=0.2, stop_timeout=0.2)

    (run,) = tasks.ended("job", 1)

    assert "timeout after 0.2 s" in run["exit"]["text"]
    assert run["exit"]["signal"] == 9
    assert run["ok"] is False


def test_a_failed_run_is_tried_again_with_pauses_as_often_as_allowed(
    tasks: Tasks, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    cmd = f"echo x >> {count}; test $(wc -l < {count}) -ge 3"
    restart = {"when": "on-failure", "retries": 5, "factor": 2}
    tasks.add("job", cmd, "once", restart=restart, interval=0.1)

    runs = tasks.ended("job", 3)

    assert [run["attempt"] for run in runs] == [1, 2, 3]
    assert [run["exit"]["code"] for run in runs] == [1, 1, 0]
    assert tasks.wait("job", lambda t: t["state"] == "completed")
    assert runs[2]["started"] - runs[1]["ended"] >= 0.199


def test_a_one_off_run_comes_at_its_time_and_only_then(tasks: Tasks) -> None:
    made = tasks.add("job", "true", "once", at="+1s")

    assert (made["state"], tasks.runs("job")) == ("scheduled", [])
    (run,) = tasks.ended("job", 1)

    assert run["started"] >= made["next_fire"]
    assert tasks.see("job")["next_fire"] is None


def test_nothing_begins_in_a_blackout_or_a_pause(tasks: Tasks) -> None:
    begin = int(time.time()) - 1
    dark = {"cron": f"{begin % 60} * * * * *", "seconds": 50}
    tasks.add("job", "true", "cron", cron=EVERY_SECOND, blackouts=[dark])
    assert tasks.see("job")["next_fire"] == begin + 50
    tasks.do("disable", "job")
    tasks.change("job", blackouts=None)
    assert (tasks.see("job")["state"], tasks.see("job")["next_fire"]) == ("disabled", None)
    assert tasks.runs("job") == []

    tasks.do("enable", "job")

    first, *_ = tasks.ended("job", 1)
    assert (first["trigger"], first["ok"]) == ("cron", True)


def test_a_pool_bounds_what_runs_and_priority_says_who_is_next(
    tasks: Tasks, tmp_path: Path
) -> None:
    gate = stopped_by_gate(tmp_path)
    tasks.add("first", f"cat {gate}", "once", pool="press")
    tasks.wait_replica("first", lambda r: r["pid"])
    tasks.add("low", "true", "once", pool="press", priority=1)
    tasks.add("high", "true", "once", pool="press", priority=2)

    waiting = tasks.see("high")

    assert waiting["state"] == "waiting"
    assert "pool press has no free slot of 1" in waiting["reason"]
    gate.write_text("go\n")
    (low,), (high,) = tasks.ended("low", 1), tasks.ended("high", 1)
    assert high["ended"] <= low["started"]


def test_whether_a_run_goes_on_is_told_by_the_process_after_a_manager_was_killed(
    own: Service, tmp_path: Path
) -> None:
    own.start()
    tasks = Tasks(own)
    gate = stopped_by_gate(tmp_path)
    tasks.add("job", f"cat {gate}", "cron", cron=EVERY_SECOND)
    tasks.wait_replica("job", lambda r: r["pid"])

    own.kill_manager()
    own.wait_generation(2)
    skipped = tasks.see("job")["skipped"]
    tasks.wait("job", lambda t: t["skipped"] > skipped)

    assert len(tasks.runs("job")) == 1
    gate.write_text("go\n")
    tasks.wait("job", lambda t: len(tasks.runs("job")) == 2)
    gate.write_text("go\n")


def test_fires_that_a_stopped_service_missed_are_made_up_for_as_asked(
    own: Service, tmp_path: Path
) -> None:
    own.start()
    tasks = Tasks(own)
    for catch_up in ("none", "last", "all"):
        tasks.add(catch_up, "true", "cron", cron=EVERY_SECOND, catch_up=catch_up)
        tasks.ended(catch_up, 1)
    own.stop()
    last = max(row[0] for row in own.query("SELECT started FROM run"))
    until(lambda: time.time() > last + 4)
    own.start()
    for name in ("none", "last", "all"):
        tasks.change(name, cron="0 0 1 1 *")  # What has fired is run, and no more.

    late = dict.fromkeys(("none", "last", "all"), 0)

    def made_up() -> dict[str, int]:
        """Count the runs since, but for those on time."""
        for name in late:
            late[name] = sum(run["started"] > last + 0.5 for run in tasks.runs(name))
        return late

    until(lambda: made_up()["all"] >= 3)
    assert late["all"] > late["last"] >= late["none"]

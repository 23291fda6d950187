"""Rolling restarts and updates: a few at a time, and no further than the first bad replica."""

from __future__ import annotations

from pathlib import Path

from .tasks import Tasks


def pids(tasks: Tasks, name: str) -> list[int]:
    return [r["pid"] for r in tasks.see(name)["replicas"]]


def test_each_replica_waits_until_the_one_before_is_ready(tasks: Tasks, tmp_path: Path) -> None:
    cmd = f"echo $PROCTOR_REPLICA $(date +%s.%N) >> {tmp_path}/begun; exec sleep 1000"
    slow = {"exec": "true", "period": 0.05, "delay": 0.1}
    tasks.add("web", cmd, replica=3, readiness=slow)
    tasks.wait("web", lambda t: all(r["ready"] for r in t["replicas"]))
    before = pids(tasks, "web")

    assert tasks.do("restart", "web", "roll=1&wait=30")["state"] == "done"

    assert not set(before) & set(pids(tasks, "web"))
    begun = [line.split() for line in (tmp_path / "begun").read_text().splitlines()][3:]
    times = {index: float(moment) for index, moment in begun}
    assert times["0"] + 0.1 <= times["1"]
    assert times["1"] + 0.1 <= times["2"]


def test_an_update_that_is_bad_stops_at_the_first_replica_and_keeps_the_others(
    tasks: Tasks,
) -> None:
    tasks.add("web", "sleep 1000", replica=3, restart={"limit": 3, "window": 60})
    tasks.wait("web", lambda t: all(r["ready"] for r in t["replicas"]))
    before = pids(tasks, "web")

    tasks.change("web", "roll=1", cmd="exit 5")

    task = tasks.wait("web", lambda t: t["replicas"][0]["state"] == "failed")
    assert "exited 5" in tasks.reasons("web", "task.roll_aborted")[0]
    assert pids(tasks, "web")[1:] == before[1:]
    assert [r["state"] for r in task["replicas"][1:]] == ["up", "up"]
    (warning,) = task["warnings"]
    assert "exited 5" in warning
    assert f"{tasks.named('web')}:1" in warning
    back = tasks.change("web", cmd="sleep 1000")
    assert back["restarts"] == []
    assert pids(tasks, "web")[1:] == before[1:]


def test_a_rolling_restart_that_is_given_up_ends_its_operation(
    tasks: Tasks, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    cmd = f"test ! -e {broken} && exec sleep 1000; exit 4"
    tasks.add("web", cmd, replica=2, interval=1000)
    tasks.wait("web", lambda t: all(r["ready"] for r in t["replicas"]))
    broken.touch()

    operation = tasks.do("restart", "web", "roll=1&wait=60")

    assert operation["state"] == "failed"
    kept = operation["targets"][1]
    assert kept["reason"] == f"left as it was: {tasks.named('web')}:0 exited 4"
    broken.unlink()
    assert tasks.do("restart", "web", "roll=1&wait=60")["state"] == "done"
    assert all(r["ready"] for r in tasks.see("web")["replicas"])

"""Restart policies on real processes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.system.service import Service, until

from .tasks import Tasks


@pytest.mark.parametrize(
    ("when", "code", "again"),
    [
        ("always", 0, True),
        ("always", 3, True),
        ("on-failure", 0, False),
        ("on-failure", 3, True),
        ("on-failure", 4, False),
        ("never", 3, False),
    ],
)
def test_what_ends_is_started_again_as_its_policy_says(
    tasks: Tasks, tmp_path: Path, when: str, code: int, again: bool
) -> None:
    first = tmp_path / "first"
    cmd = f"mkdir {first} 2>&- && exit {code}; exec sleep 1000"
    tasks.add("job", cmd, restart=when, success_codes=[0, 4])

    assert tasks.ended("job", 1)[0]["exit"]["code"] == code

    if again:
        tasks.wait_replica("job", lambda r: r["pid"] is not None and r["run"] is not None)
        assert len(tasks.runs("job")) == 2
    else:
        state = tasks.wait("job", lambda t: t["state"] in ("completed", "failed"))["state"]
        assert state == ("failed" if code == 3 else "completed")
        assert len(tasks.runs("job")) == 1


def test_pauses_grow_up_to_a_cap(tasks: Tasks) -> None:
    policy = {"factor": 2, "cap": 0.4, "retries": 5}
    tasks.add("job", "false", interval=0.1, restart=policy)

    runs = tasks.ended("job", 6)

    pauses = [after["started"] - before["ended"] for before, after in pairwise(runs)]
    for pause, least in zip(pauses, [0.1, 0.2, 0.4, 0.4, 0.4], strict=True):
        assert pause >= least * 0.99
    assert tasks.wait("job", lambda t: t["state"] == "failed")["replicas"][0]["restarts"] == 5


def test_a_crash_loop_ends_with_its_reason_until_somebody_starts_it(tasks: Tasks) -> None:
    tasks.add("job", "exit 9", restart={"limit": 3, "window": 60})

    failed = tasks.wait("job", lambda t: t["state"] == "failed")

    assert "start-limit 3 in 60s" in failed["reason"]
    assert len(tasks.runs("job")) == 3
    tasks.do("start", "job", "wait=0")
    assert len(tasks.ended("job", 4)) >= 4


def test_a_run_that_was_stable_makes_the_earlier_ones_forgotten(
    tasks: Tasks, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    cmd = f"echo x >> {count}; test $(wc -l < {count}) -eq 3 && sleep 0.3; exit 1"
    policy = {"factor": 100, "cap": 0.1, "stable_after": 0.2}
    tasks.add("job", cmd, interval=0.001, restart=policy)

    runs = tasks.ended("job", 5)

    pauses = [after["started"] - before["ended"] for before, after in pairwise(runs)]
    assert pauses[1] >= 0.099  # The second in a row.
    assert [run["attempt"] for run in runs[:5]] == [1, 2, 3, 2, 3]


def test_what_cannot_be_started_says_why(tasks: Tasks) -> None:
    tasks.add("job", ["/no/such/program"], restart="never")

    failed = tasks.wait("job", lambda t: t["state"] == "failed")

    assert "/no/such/program" in failed["reason"]


def test_a_service_ends_with_the_code_of_an_essential_task(own: Service) -> None:
    own.start()
    tasks = Tasks(own)
    tasks.add("other", "sleep 1000")
    pid = tasks.wait_ready("other")
    tasks.add("main", "exit 42", type="once", essential=True)

    assert own.wait() == 42

    until(lambda: not Path(f"/proc/{pid}").exists())


def test_who_is_stopped_while_it_pauses_is_stopped_and_not_failed(tasks: Tasks) -> None:
    tasks.add("web", "exit 3", interval=1000)
    tasks.wait("web", lambda t: t["state"] == "backoff")

    tasks.do("stop", "web")

    task = tasks.see("web")
    assert (task["state"], task["reason"]) == ("stopped", "stopped")

"""Thousands of random lives, each reproducible by its seed."""

import pytest

from proctor.core.spec import (
    CatchUp,
    Check,
    CheckKind,
    Dep,
    Overlap,
    RestartPolicy,
    RestartWhen,
    Schedule,
    Spec,
    TaskType,
    Until,
)
from proctor.testing import Sim

PROBE = Check(CheckKind.EXEC, "probe", period=2.0, failures=2)
BACKOFF = RestartPolicy(RestartWhen.ALWAYS, factor=2.0, cap=8.0, jitter=0.1, limit=4, window=60.0)
RETRIES = RestartPolicy(RestartWhen.ON_FAILURE, factor=2.0, retries=2)
LINE = Check(CheckKind.LOG_LINE, "up", period=5.0)

EVERY = "* * * * *"
OPEN = "blackout"

SPECS = [
    Spec("db", TaskType.DAEMON, "db", replicas=2, readiness=PROBE, liveness=PROBE, startup=LINE),
    Spec("init", TaskType.ONCE, "init", deps=(Dep("db"),), restart_policy=RETRIES, interval=0.5),
    Spec(
        "web",
        TaskType.DAEMON,
        "web",
        replicas=3,
        interval=0.0,
        readiness=PROBE,
        deps=(
            Dep("init", Until.COMPLETED_OK),
            Dep("db", Until.READY),
            Dep("extra", required=False),
        ),
        stop_command="stop",
        stop_signals=("INT", "TERM"),
    ),
    Spec(
        "extra", TaskType.DAEMON, "extra", restart_policy=BACKOFF, interval=0.2, deps=(Dep("db"),)
    ),
    Spec(
        "tail",
        TaskType.DAEMON,
        "tail",
        deps=(Dep("web", Until.LOG_LINE, pattern="serving"), Dep("extra")),
    ),
    Spec("job", TaskType.ONCE, "job", replicas=3, pool="narrow", priority=1, timeout=30.0),
    Spec("tick", TaskType.CRON, "tick", pool="narrow", schedule=Schedule(EVERY)),
    Spec(
        "queue",
        TaskType.CRON,
        "queue",
        timeout=90.0,
        schedule=Schedule(
            EVERY, overlap=Overlap.QUEUE, queue=2, catch_up=CatchUp.ALL, jitter=200.0
        ),
    ),
    Spec("newest", TaskType.CRON, "newest", schedule=Schedule(EVERY, overlap=Overlap.REPLACE)),
    Spec(
        "many",
        TaskType.CRON,
        "many",
        replicas=2,
        timeout=100.0,
        schedule=Schedule(EVERY, overlap=Overlap.ALLOW, blackouts=((OPEN, 90.0),)),
    ),
    Spec("later", TaskType.ONCE, "later", schedule=Schedule(at=1_700_000_100.0)),
]
POOLS = {"narrow": 2}
SEEDS, BLOCKS, STEPS = 480, 8, 120


def every_minute(spec: Spec, after: float) -> float:
    period = 600 if spec.schedule.cron == OPEN else 60
    return (after // period + 1) * period


def live(seed: int) -> None:
    try:
        Sim(seed, SPECS, every_minute, POOLS).run(STEPS)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_random_life_keeps_the_laws_and_comes_to_rest(block):
    for seed in range(block, SEEDS, BLOCKS):
        live(seed)


def test_a_seed_tells_the_same_story_every_time():
    first, second = (Sim(7, SPECS, every_minute, POOLS) for _ in range(2))
    first.run(300)
    second.run(300)

    assert first.store == second.store
    assert first.clock == second.clock

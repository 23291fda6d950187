"""Thousands of random lives, each reproducible by its seed."""

import pytest

from proctor.core.spec import Dep, Schedule, Spec, TaskType
from proctor.testing import Sim

SPECS = [
    Spec("db", TaskType.DAEMON, "db", replicas=2, interval=3.0),
    Spec("init", TaskType.ONCE, "init", deps=(Dep("db"),)),
    Spec("web", TaskType.DAEMON, "web", replicas=3, interval=0.0, deps=(Dep("init"), Dep("db"))),
    Spec("tick", TaskType.CRON, "tick", schedule=Schedule(cron="* * * * *")),
]


def next_minute(spec: Spec, after: float) -> float:
    return (after // 60 + 1) * 60


@pytest.mark.parametrize("block", range(8))
def test_a_random_life_keeps_the_laws_and_comes_to_rest(block):
    for seed in range(block * 100, block * 100 + 100):
        try:
            Sim(seed, SPECS, next_minute).run(150)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error

"""A task's own settings of its output go over the service's."""

from __future__ import annotations

from proctor import output
from proctor.config import OutputSettings
from proctor.core.model import ReplicaId, Task
from proctor.core.spec import Output, Spec, TaskType
from proctor.logs.rotation import Limits

SERVICE = OutputSettings()


def test_a_task_that_says_nothing_gets_what_the_service_says() -> None:
    found = output.limits(Output(), SERVICE)

    assert found == Limits(10 << 20, 100 << 20, 2 << 30, 86_400.0, None, compress=True, keep=True)


def test_all_output_takes_three_quarters_of_the_disk_at_most() -> None:
    assert output.on_disk(SERVICE, 1 << 30).total_quota == 3 << 28
    assert output.on_disk(SERVICE, 1 << 40) == SERVICE
    assert output.on_disk(SERVICE, 0) == SERVICE  # Some file systems do not say.


def test_what_a_task_says_counts() -> None:
    given = Output(
        segment_size=1, quota=2, max_age=3.0, segment_age=4.0, compress=False, keep=False
    )

    assert output.limits(given, SERVICE) == Limits(
        1, 2, SERVICE.total_quota, 4.0, 3.0, compress=False, keep=False
    )


def test_limits_are_those_of_the_task_as_it_is_now_or_the_service_s_when_it_is_gone() -> None:
    tasks: dict[str, Task] = {}
    limits_of = output.limits_of(tasks, SERVICE)
    web = ReplicaId("web", 3)
    assert limits_of(web).replica == SERVICE.replica_quota

    tasks["web"] = Task(Spec("web", TaskType.ONCE, "true", output=Output(quota=5)), 0.0)
    assert limits_of(web).replica == 5

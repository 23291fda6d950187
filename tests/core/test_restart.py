"""Whether and when a run that ended is repeated."""

import pytest
from msgspec.structs import replace

from proctor.core.commands import Signal
from proctor.core.events import Lost, SpawnFailed
from proctor.core.model import Exit, Now, Replica, ReplicaId, State
from proctor.core.restart import Again, Done, GiveUp, after_end, pause
from proctor.core.spec import RestartPolicy, RestartWhen, Spec, TaskType

from .life import FAILED, KILLED, OK, spawned

LOOP = RestartPolicy(
    RestartWhen.ALWAYS, factor=2.0, cap=2.0, stable_after=10.0, limit=6, window=60.0
)
RETRY = RestartPolicy(RestartWhen.ON_FAILURE, factor=2.0, retries=2)


def test_a_crash_loop_slows_down_and_ends(life):
    commands = life.add("loop", interval=0.2, restart_policy=LOOP)
    gaps = []
    while life.state("loop") is not State.FAILED:
        life.all_up(commands)
        life.ends("loop", exit=FAILED)
        if life.state("loop") is State.BACKOFF:
            gaps.append(round(life.replica("loop").deadline - life.clock.mono, 6))
            commands = life.pass_time(gaps[-1])

    assert gaps == [0.2, 0.4, 0.8, 1.6, 2.0]
    assert life.replica("loop").reason == "start-limit 6 in 60s"
    assert life.replica("loop").exit == FAILED
    assert life.blockers("loop") == []


def test_who_was_given_up_runs_again_when_somebody_starts_it(life):
    commands = life.add("loop", interval=0.0, restart_policy=replace(LOOP, limit=1))
    life.all_up(commands)
    life.ends("loop", exit=FAILED)
    assert life.state("loop") is State.FAILED
    assert life.pass_time(3600) == []

    life.all_up(life.ask("start", life.world.ids_of("loop"), trigger="api"))
    life.ends("loop", exit=FAILED)

    assert life.state("loop") is State.FAILED
    assert life.runs[2].trigger == "api"


def test_a_long_run_is_forgiven_what_was_before_it(life):
    commands = life.add("loop", interval=1.0, restart_policy=LOOP)
    for _ in range(3):
        life.all_up(commands)
        life.ends("loop", exit=FAILED)
        commands = life.pass_time(2.0)
    assert life.replica("loop").restarts == 3

    life.all_up(commands)
    life.pass_time(10.0)
    life.ends("loop", exit=FAILED)

    assert life.replica("loop").restarts == 1
    assert life.replica("loop").deadline == life.clock.mono + 1.0


def test_starts_outside_the_window_do_not_count(life):
    commands = life.add("slow", interval=1.0, restart_policy=replace(LOOP, limit=2, window=5.0))
    for _ in range(6):
        life.all_up(commands)
        life.pass_time(4.0)
        life.ends("slow", exit=FAILED)
        commands = life.pass_time(2.0)

    assert spawned(commands) == ["slow"]


@pytest.mark.parametrize("exit", [OK, FAILED, KILLED])
def test_always_means_whatever_the_end(exit):
    assert isinstance(_after(exit, RestartPolicy(RestartWhen.ALWAYS)), Again)


@pytest.mark.parametrize("exit", [OK, FAILED, KILLED])
def test_never_means_whatever_the_end(exit):
    assert _after(exit, RestartPolicy(RestartWhen.NEVER)) == Done()


def test_on_failure_means_what_is_no_success():
    policy = RestartPolicy(RestartWhen.ON_FAILURE)

    assert _after(OK, policy) == Done()
    assert _after(Exit(code=3), policy, success_codes=(0, 3)) == Done()
    assert isinstance(_after(FAILED, policy), Again)
    assert isinstance(_after(KILLED, policy), Again)
    assert isinstance(_after(Exit(code=0, error="timeout after 2 s"), policy), Again)


def test_a_job_is_retried_as_often_as_it_says_however_long_a_try_takes(life):
    commands = life.add("job", TaskType.ONCE, interval=1.0, restart_policy=RETRY)
    gaps = []
    for _ in range(3):
        life.all_up(commands)
        life.pass_time(600.0)
        life.ends("job", exit=FAILED)
        gaps.append((life.replica("job").deadline or life.clock.mono) - life.clock.mono)
        commands = life.pass_time(gaps[-1])

    assert gaps == [1.0, 2.0, 0.0]
    assert (life.state("job"), life.replica("job").reason) == (
        State.FAILED,
        "exited 1, after 2 retries",
    )
    assert [run.attempt for run in life.runs.values()] == [1, 2, 3]
    assert [run.trigger for run in life.runs.values()] == ["api", "restart", "restart"]


def test_a_job_that_succeeds_on_a_retry_is_done(life):
    life.all_up(life.add("job", TaskType.ONCE, interval=1.0, restart_policy=RETRY))
    life.ends("job", exit=FAILED)
    life.all_up(life.pass_time(1.0))
    life.ends("job")

    assert (life.state("job"), life.pass_time(100)) == (State.DOWN, [])


def test_the_jitter_stays_within_its_share_and_is_spread():
    spec = Spec("web", TaskType.DAEMON, "web", interval=10.0)
    spec = replace(spec, restart_policy=RestartPolicy(RestartWhen.ALWAYS, jitter=0.25))
    pauses = [pause(spec, 0, seed) for seed in range(500)]

    assert all(7.5 <= seconds <= 12.5 for seconds in pauses)
    assert min(pauses) < 8.0
    assert max(pauses) > 12.0


def test_a_pause_can_be_asked_for_after_any_number_of_restarts():
    growing = RestartPolicy(RestartWhen.ALWAYS, factor=1000.0, cap=60.0)
    spec = Spec("web", TaskType.DAEMON, "web", interval=1.0, restart_policy=growing)

    assert pause(spec, 10_000, 1) == 60.0
    assert pause(replace(spec, interval=90.0), 10_000, 1) == 90.0
    assert pause(replace(spec, interval=0.0), 10_000, 1) == 0.0
    fixed = RestartPolicy(RestartWhen.ALWAYS, cap=1.0)
    assert pause(replace(spec, interval=9.0, restart_policy=fixed), 10_000, 1) == 9.0


def test_a_spawn_that_the_system_had_no_room_for_is_tried_for_ever(life):
    life.add("web", interval=0.0, restart_policy=replace(LOOP, limit=2))
    for _ in range(5):
        r = life.replica("web")
        life.hear(SpawnFailed(r.id, r.run, "fork: EAGAIN", transient=True))
        assert life.state("web") is State.BACKOFF
        life.pass_time(1.0)

    assert life.replica("web").starts == (life.clock.mono,)


def test_an_essential_task_that_fails_for_good_ends_the_service_with_its_code(life):
    life.all_up(life.add("main", TaskType.ONCE, essential=True))
    life.ends("main", exit=Exit(code=7))

    assert life.world.fatal == Exit(code=7)
    assert life.reasons("task.essential_failed") == ["exited 7"]


def test_the_first_essential_failure_is_the_one_that_counts(life):
    life.all_up(life.add("main", TaskType.ONCE, essential=True, replicas=2))
    life.ends("main", 0, exit=Exit(code=7))
    life.ends("main", 1, exit=Exit(code=8))

    assert life.world.fatal == Exit(code=7)


def test_an_essential_task_is_given_its_restarts_first(life):
    commands = life.add("main", essential=True, interval=0.0, restart_policy=replace(LOOP, limit=2))
    commands = life.all_up(commands) or life.ends("main", exit=FAILED)
    assert life.world.fatal is None
    life.all_up(commands)
    life.ends("main", exit=FAILED)

    assert life.world.fatal == FAILED


def test_an_essential_task_may_succeed_or_be_stopped(life):
    life.all_up(life.add("done", TaskType.ONCE, essential=True))
    life.ends("done")
    life.all_up(life.add("main", essential=True))
    life.ask("stop", life.world.ids_of("main"))
    life.ends("main", exit=KILLED)
    life.all_up(life.add("loop", essential=True))
    life.ends("loop", exit=FAILED)
    life.ask("stop", life.world.ids_of("loop"))

    assert life.state("loop") is State.DOWN
    assert life.world.fatal is None


def test_a_run_that_takes_too_long_is_stopped_then_killed_and_has_failed(life):
    life.all_up(life.add("job", TaskType.ONCE, timeout=2.0, stop_timeout=5.0))
    assert life.pass_time(1.9) == []

    assert [type(command) for command in life.pass_time(0.1)] == [Signal]
    life.pass_time(5.0)
    assert life.state("job") is State.KILLING
    life.ends("job", exit=Exit(signal=9))

    assert life.replica("job").exit == Exit(signal=9, error="timeout after 2 s")
    assert life.runs[1].exit == life.replica("job").exit
    assert life.state("job") is State.DOWN


def test_a_timeout_is_a_failure_that_is_retried(life):
    life.all_up(life.add("job", TaskType.ONCE, timeout=2.0, interval=1.0, restart_policy=RETRY))
    life.pass_time(2.0)
    life.ends("job", exit=OK)

    assert life.state("job") is State.BACKOFF
    assert life.replica("job").reason == "timeout after 2 s"


def _after(exit, policy, **fields):
    spec = Spec("web", TaskType.DAEMON, "web", restart_policy=policy, **fields)
    r = Replica(ReplicaId("web", 0), State.UP, run=1, exit=exit)
    return after_end(r, spec, Now(5.0, 5.0))


def test_giving_up_says_why():
    r = Replica(ReplicaId("web", 0), State.UP, run=1, exit=FAILED, restarts=2)
    spec = Spec("web", TaskType.ONCE, "web", restart_policy=RETRY)

    assert after_end(r, spec, Now(5.0, 5.0)) == GiveUp("exited 1, after 2 retries")


def test_a_restart_by_hand_is_a_fresh_start(life):
    commands = life.add("loop", interval=0.0, restart_policy=LOOP)
    for _ in range(3):
        life.all_up(commands)
        commands = life.ends("loop", exit=FAILED)
    life.all_up(commands)
    life.ask("restart", life.world.ids_of("loop"))
    life.ends("loop", exit=KILLED)

    assert life.replica("loop").restarts == 0
    assert len(life.replica("loop").starts) == 1


def test_a_spawn_that_never_reached_the_engine_is_no_start_that_counts(life):
    life.add("web", restart_policy=LOOP)
    r = life.replica("web")
    life.hear(Lost(r.id, r.run))
    assert (life.state("web"), len(life.replica("web").starts)) == (State.STARTING, 1)
    life.ask("restart", life.world.ids_of("web"))
    life.hear(Lost(r.id, life.replica("web").run))

    assert (life.state("web"), life.replica("web").trigger) == (State.STARTING, "restart")

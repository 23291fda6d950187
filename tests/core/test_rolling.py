"""Updates, rolling restarts and scaling: no more is touched than it takes."""

import pytest
from msgspec.structs import replace

from proctor.core import changing, rolling
from proctor.core.commands import Signal, StopCommand
from proctor.core.events import SpawnFailed, Stepped, Timeout
from proctor.core.model import Exit, Now, Replica, ReplicaId, State, Task
from proctor.core.spec import (
    Check,
    CheckKind,
    Limits,
    RestartPolicy,
    RestartWhen,
    Schedule,
    Spec,
    TaskType,
)
from proctor.core.update import LIVE, plan

from .life import FAILED, KILLED, ended, every_minute, probes, spawned_ids

TCP = Check(CheckKind.TCP, "x:1", period=1.0, failures=1)
EVERY = Schedule("* * * * *")
NOW = Now(100.0, 1_700_000_000.0)


def up(life, **fields):
    life.all_up(life.add("web", **fields))
    return life.task("web").spec


def change(life, *, roll=False, **fields):
    return life.ask("update", replace(life.task("web").spec, **fields), roll=roll)


def settle_in(life, commands):
    """Let them come up and stay up for as long as it takes to count as well."""
    life.all_up(commands)
    return life.pass_time(rolling.SETTLING_IN)


def make_ready(life, index):
    return life.probed("web", "readiness", True, index=index)


# What an update means.


def test_the_same_spec_changes_nothing(life):
    spec = up(life)

    assert change(life) == []
    assert plan(spec, spec).changes == ()
    assert life.reasons("task.updated") == []


def test_every_live_field_is_one_of_the_spec():
    assert set(Spec.__struct_fields__) > LIVE


def test_a_change_of_what_holds_at_once_restarts_nothing(life):
    up(life, replicas=2)

    assert change(life, labels={"a": "b"}, stop_timeout=3.0, description="new") == []
    assert life.reasons("task.updated") == ["description, labels, stop_timeout"]
    assert life.task("web").revision == 0


@pytest.mark.parametrize(
    ("before", "after", "restarts"),
    [
        ({"cmd": "a"}, {"cmd": "b"}, True),
        ({"env": {"A": "1"}}, {"env": {"A": "2"}}, True),
        ({"interval": 1.0}, {"interval": 2.0}, False),
        ({}, {"readiness": TCP}, False),
        ({"readiness": TCP}, {"readiness": replace(TCP, target="x:2")}, False),
        ({"liveness": TCP}, {"liveness": replace(TCP, kind=CheckKind.NOTIFY)}, True),
        ({"limits": Limits()}, {"limits": Limits(memory_restart=5)}, False),
        ({"limits": Limits()}, {"limits": Limits(memory_restart=5, cpu=1.0)}, True),
        ({"type": TaskType.CRON, "schedule": EVERY}, {"cmd": "b"}, False),
    ],
)
def test_only_what_a_process_is_born_with_takes_a_restart(before, after, restarts):
    old = Spec("web", TaskType.DAEMON, "web")
    old = replace(old, **before)

    assert plan(old, replace(old, **after)).restarts is restarts


def test_what_runs_is_restarted_with_the_new_spec_at_once(life):
    up(life, replicas=2)
    commands = change(life, cmd="new")
    assert ended(commands) == ["web:0", "web:1"]
    (spawn,) = life.ends("web", 0, exit=KILLED)

    assert (spawn.spec.cmd, life.replica("web").trigger) == ("new", "update")
    assert life.replica("web").restarts == 0


def test_what_is_being_started_is_restarted_when_it_is_up(life):
    life.add("web")
    change(life, cmd="new")
    commands = life.all_up(life.asked[:1])

    assert [type(command) for command in commands] == [Signal]


def test_what_does_not_run_is_not_started(life):
    up(life)
    life.ask("stop", life.world.ids_of("web"))
    life.ends("web", exit=KILLED)

    assert change(life, cmd="new") == []


@pytest.mark.parametrize("limit", [None, 1])
def test_what_failed_by_the_old_spec_is_tried_with_the_new_one(life, limit):
    up(life, restart_policy=RestartPolicy(RestartWhen.ALWAYS, limit=limit))
    life.ends("web", exit=FAILED)
    (spawn,) = change(life, cmd="new")

    assert spawn.spec.cmd == "new"


def test_a_running_job_is_started_again_with_the_new_spec(life):
    up(life, type=TaskType.ONCE)
    change(life, cmd="new")

    assert [c.spec.cmd for c in life.ends("web", exit=KILLED)] == ["new"]


def test_a_scheduled_run_goes_on_as_it_began_and_the_next_is_new(life):
    life.add("web", TaskType.CRON, schedule=EVERY)
    life.all_up(life.pass_time(60))
    assert change(life, cmd="new") == []
    assert life.world.spec_of(life.replica("web")).cmd == "web"
    life.ends("web")

    assert [c.spec.cmd for c in life.pass_time(60)] == ["new"]
    assert life.task("web").old_specs == {}


def test_a_stop_goes_by_the_stop_command_that_holds_at_once(life):
    up(life)
    change(life, stop_command="bye", stop_signals=("INT", "QUIT"), stop_timeout=5.0)
    life.ask("stop", life.world.ids_of("web"))
    assert isinstance(life.asked[-1], StopCommand)
    r = life.replica("web")
    life.hear(Stepped(r.id, r.run))
    assert life.asked[-1] == Signal(r.id, r.run, "INT")
    life.hear(Stepped(r.id, r.run))
    assert life.asked[-1] == Signal(r.id, r.run, "INT")
    life.pass_time(5.0)
    assert life.asked[-1] == Signal(r.id, r.run, "QUIT")
    life.pass_time(5.0)

    assert life.state("web") is State.KILLING


def test_a_stop_command_that_hangs_has_its_time_too(life):
    up(life, stop_command="bye", stop_timeout=5.0)
    life.ask("stop", life.world.ids_of("web"))
    life.pass_time(5.0)

    assert life.asked[-1] == Signal(ReplicaId("web", 0), 1, "TERM")


def test_a_task_that_gets_a_schedule_stops_and_waits_for_it(life):
    up(life)
    change(life, type=TaskType.CRON, schedule=EVERY)
    assert life.ends("web", exit=KILLED) == []

    assert spawned_ids(life.pass_time(60)) == ["web:0"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_task_that_loses_its_schedule_starts_if_it_may(life, enabled):
    life.add("web", TaskType.CRON, schedule=EVERY, enabled=enabled)
    commands = change(life, type=TaskType.DAEMON, schedule=Schedule())

    assert spawned_ids(commands) == (["web:0"] if enabled else [])
    assert life.task("web").next_fire is None


def test_an_update_the_manager_died_in_is_gone_through_with(life):
    spec = up(life)
    now = life.clock.now()
    life.saved_tasks["web"] = life.world.changed_task(replace(spec, cmd="new"), now)
    commands = life.next_manager()

    assert ended(commands) == ["web:0"]
    assert [c.spec.cmd for c in life.ends("web", exit=KILLED)] == ["new"]


def test_a_new_task_the_manager_died_in_is_started(life):
    spec = Spec("web", TaskType.DAEMON, "web")
    life.saved_tasks["web"] = life.world.new_task(spec, life.clock.now())

    assert spawned_ids(life.next_manager()) == ["web:0"]


def test_a_removal_the_manager_died_in_is_gone_through_with(life):
    up(life)
    life.saved_tasks["web"] = replace(life.task("web"), removing=True)
    assert ended(life.next_manager()) == ["web:0"]
    life.ends("web", exit=KILLED)

    assert life.world.tasks == {}


# Scaling.


def test_scaling_up_starts_what_is_new_and_touches_nothing_else(life):
    up(life, replicas=2)

    assert spawned_ids(change(life, replicas=4)) == ["web:2", "web:3"]
    assert ended(life.asked) == []


def test_scaling_down_stops_the_highest_and_forgets_them(life):
    up(life, replicas=3)
    assert ended(change(life, replicas=1)) == ["web:1", "web:2"]
    life.ends("web", 1, exit=KILLED)
    life.ends("web", 2, exit=KILLED)

    assert [str(r.id) for r in life.world.replicas_of("web")] == ["web:0"]
    assert [str(id) for id in life.saved_replicas] == ["web:0"]


def test_scaling_up_again_before_the_end_starts_it_again(life):
    up(life, replicas=2)
    change(life, replicas=1)
    assert change(life, replicas=2) == []

    assert spawned_ids(life.ends("web", 1, exit=KILLED)) == ["web:1"]


def test_a_stopped_task_is_scaled_without_a_start(life):
    up(life)
    life.ask("stop", life.world.ids_of("web"))
    life.ends("web", exit=KILLED)

    assert change(life, replicas=3) == []
    assert len(life.world.ids_of("web")) == 3


def test_a_scheduled_task_is_scaled_for_its_next_fire(life):
    life.add("web", TaskType.CRON, schedule=EVERY)
    life.all_up(life.pass_time(60))
    assert change(life, replicas=2) == []
    life.ends("web")

    assert spawned_ids(life.pass_time(60)) == ["web:0", "web:1"]


# Rolling.


def test_a_rolling_restart_waits_for_each_to_be_ready(life):
    up(life, replicas=3, readiness=TCP)
    life.pass_time(0)
    for index in range(3):
        make_ready(life, index)

    assert ended(life.ask("roll", "web")) == ["web:0"]
    life.all_up(life.ends("web", 0, exit=KILLED))
    life.pass_time(0)
    assert life.state("web", 1) is State.UP
    assert ended(make_ready(life, 0)) == ["web:1"]
    life.all_up(life.ends("web", 1, exit=KILLED))
    life.pass_time(0)
    assert ended(make_ready(life, 1)) == ["web:2"]
    life.all_up(life.ends("web", 2, exit=KILLED))
    life.pass_time(0)
    make_ready(life, 2)

    assert (life.task("web").rolling, life.task("web").rolled) == ((), ())
    assert [run.trigger for run in life.runs.values()] == ["api"] * 3 + ["restart"] * 3


def test_a_rolling_restart_takes_as_many_at_a_time_as_it_may(life):
    up(life, replicas=5, rolling=2)

    assert ended(life.ask("roll", "web")) == ["web:0", "web:1"]
    assert ended(settle_in(life, life.ends("web", 1, exit=KILLED))) == ["web:2"]


def test_a_bad_new_spec_ends_a_rolling_update_and_the_old_ones_go_on(life):
    up(life, replicas=3)
    change(life, cmd="bad", roll=True)
    (spawn,) = life.ends("web", 0, exit=KILLED)
    assert spawn.spec.cmd == "bad"
    settle_in(life, [spawn])
    # It came up well, so the next one's turn has come; then both fail.
    life.ends("web", 0, exit=FAILED)
    commands = life.ends("web", 1, exit=KILLED)
    life.hear(SpawnFailed(commands[0].id, commands[0].run, "no such file: bad"))

    task = life.task("web")
    assert life.reasons("task.roll_aborted") == ["web:1 no such file: bad"]
    assert (task.roll_error, task.spec.cmd) == ("web:1 no such file: bad", "bad")
    assert (life.state("web", 2), life.replica("web", 2).revision) == (State.UP, 0)
    assert life.world.spec_of(life.replica("web", 2)).cmd == "web"


@pytest.mark.parametrize("interval", [0.0, 3.0])
def test_who_comes_up_and_dies_at_once_ends_a_rolling_update(life, interval):
    up(life, replicas=3, interval=interval)
    change(life, cmd="bad", roll=True)
    life.all_up(life.ends("web", 0, exit=KILLED))
    assert life.pass_time(rolling.SETTLING_IN / 2) == []

    life.ends("web", 0, exit=FAILED)

    assert life.reasons("task.roll_aborted") == ["web:0 exited 1"]
    assert [life.state("web", i) for i in (1, 2)] == [State.UP, State.UP]


def test_who_does_not_get_ready_ends_a_rolling_update(life):
    up(life, replicas=2)
    change(life, cmd="bad", startup=TCP, roll=True)
    life.all_up(life.ends("web", 0, exit=KILLED))
    life.pass_time(0)
    life.probed("web", "startup", False, "refused")

    assert life.task("web").roll_error == "web:0 startup check failed: refused"
    assert life.state("web", 1) is State.UP


@pytest.mark.parametrize("by_update", [True, False])
def test_what_has_failed_is_tried_first_and_what_runs_is_kept_if_it_fails_again(life, by_update):
    up(life, replicas=3, interval=9.0)
    change(life, cmd="bad", roll=True)
    (spawn,) = life.ends("web", 0, exit=KILLED)
    life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))
    (spawn,) = change(life, cmd="new", roll=True) if by_update else life.ask("roll", "web")
    assert str(spawn.id) == "web:0"
    life.hear(SpawnFailed(spawn.id, spawn.run, "not that either"))

    assert life.task("web").roll_error == "web:0 not that either"
    assert [life.state("web", i) for i in (1, 2)] == [State.UP, State.UP]
    (spawn,) = change(life, cmd="good", roll=True) if by_update else life.ask("roll", "web")
    assert ended(settle_in(life, [spawn])) == ["web:1"]


def test_who_never_gets_ready_ends_a_rolling_update_in_the_end(life):
    up(life, replicas=2)
    change(life, cmd="bad", readiness=replace(TCP, failures=3), roll=True)
    life.all_up(life.ends("web", 0, exit=KILLED))
    patience = (TCP.period + TCP.timeout) * 3 + rolling.GRACE
    life.pass_time(patience - 0.1)
    assert (life.task("web").rolled, life.task("web").roll_error) == ((0,), "")

    life.pass_time(0.2)

    assert life.task("web").roll_error == "web:0 is not ready after 66 s"
    assert [life.state("web", i) for i in (0, 1)] == [State.UP, State.UP]
    assert rolling.given_up(life.task("web"), life.world.replicas_of("web")) == (
        "the update was given up (web:0 is not ready after 66 s): web:1 run as before"
    )


def test_who_keeps_the_old_spec_keeps_its_checks(life):
    up(life, replicas=2, readiness=TCP)
    life.pass_time(0)
    make_ready(life, 0)
    make_ready(life, 1)
    change(life, cmd="new", readiness=replace(TCP, target="x:2"), roll=True)
    commands = life.pass_time(1.0)

    assert [(str(c.id), c.check.target) for c in commands] == [("web:1", "x:1")]


def test_a_next_manager_leaves_an_aborted_update_as_it_was(life):
    up(life, replicas=2, interval=9.0)
    change(life, cmd="bad", roll=True)
    (spawn,) = life.ends("web", 0, exit=KILLED)
    life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))

    assert ended(life.next_manager()) == []
    assert life.state("web", 1) is State.UP


def test_going_back_to_the_old_spec_touches_only_what_had_left_it(life):
    spec = up(life, replicas=2, interval=9.0)
    change(life, cmd="bad", roll=True)
    (spawn,) = life.ends("web", 0, exit=KILLED)
    life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))
    assert changing.replaced(life.task("web"), spec, life.world.replicas_of("web")) == []
    commands = life.ask("update", spec)

    assert [(str(c.id), c.spec.cmd) for c in commands] == [("web:0", "web")]
    assert (life.task("web").roll_error, life.task("web").old_specs) == ("", {})


def test_another_update_after_an_aborted_one_brings_all_to_the_newest(life):
    up(life, replicas=2, interval=9.0)
    change(life, cmd="bad", roll=True)
    (spawn,) = life.ends("web", 0, exit=KILLED)
    life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))
    commands = change(life, cmd="good")

    assert spawned_ids(commands) == ["web:0"]
    assert ended(commands) == ["web:1"]


def test_an_update_of_a_rolling_task_that_takes_no_restart_lets_it_roll(life):
    up(life, replicas=3)
    change(life, cmd="new", roll=True)
    change(life, labels={"a": "b"})

    assert ended(settle_in(life, life.ends("web", 0, exit=KILLED))) == ["web:1"]


def test_a_rolling_update_outlives_the_manager(life):
    up(life, replicas=3)
    change(life, cmd="new", roll=True)
    life.next_manager()

    assert ended(settle_in(life, life.ends("web", 0, exit=KILLED))) == ["web:1"]


def test_a_stop_ends_a_rolling_restart(life):
    up(life, replicas=3)
    life.ask("roll", "web")
    life.ask("stop", life.world.ids_of("web"))

    assert life.task("web").rolling == ()
    for index in range(3):
        assert life.ends("web", index, exit=KILLED) == []


def test_who_was_stopped_or_scaled_away_meanwhile_is_passed_over(life):
    up(life, replicas=4)
    life.ask("roll", "web")
    life.world.stop([ReplicaId("web", 1)], life.clock.now())
    # The stop ended the roll; begin again without it.
    life.settle()
    life.ask("roll", "web")
    change(life, replicas=3)
    settle_in(life, life.ends("web", 0, exit=KILLED))

    assert life.task("web").rolling == ()
    assert [str(c.id) for c in life.asked if isinstance(c, Signal)].count("web:2") == 1


def test_a_rolled_job_that_succeeds_is_well():
    task = Task(Spec("job", TaskType.ONCE, "x", replicas=2), 0.0, rolling=(1,), rolled=(0,))
    done = Replica(ReplicaId("job", 0), State.DOWN, run=2, exit=Exit(code=0))
    runs = Replica(ReplicaId("job", 1), State.UP, wanted=True, run=1)

    assert rolling.advance(task, [done, runs], NOW) == rolling.Step((), (1,), restart=(1,))
    failed = replace(done, exit=FAILED, reason="exited 1")
    assert rolling.advance(task, [failed, runs], NOW).aborted == "job:0 exited 1"
    never = replace(done, exit=None, reason="stopped")
    assert rolling.advance(task, [never, runs], NOW).aborted == "job:0 stopped"


def test_no_spec_is_forgotten_while_a_run_goes_by_it(life):
    up(life, replicas=2)
    change(life, cmd="second")
    assert list(life.task("web").old_specs) == [0]
    life.ends("web", 0, exit=KILLED)
    assert list(life.task("web").old_specs) == [0]
    life.ends("web", 1, exit=KILLED)

    assert life.task("web").old_specs == {}


def test_a_signal_goes_to_what_runs_and_changes_nothing(life):
    up(life, replicas=2)
    life.ask("stop", [ReplicaId("web", 1)])
    life.ends("web", 1, exit=KILLED)
    life.world.signal(life.world.ids_of("web"), "HUP")

    assert life.settle() == [Signal(ReplicaId("web", 0), 1, "HUP")]
    assert life.state("web") is State.UP


def test_a_timeout_that_is_due_no_more_is_passed_over(life):
    up(life)
    r = life.replica("web")

    assert life.hear(Timeout(r.id)) == []
    assert life.state("web") is State.UP


def test_new_checks_are_asked_in_a_next_managers_life_too(life):
    up(life)
    change(life, readiness=TCP)
    life.next_manager()

    assert probes(life.pass_time(0)) == ["readiness"]
    assert every_minute(life.task("web").spec, 0.0) == 60.0

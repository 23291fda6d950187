"""When schedules fire, and what a fire does while something goes on."""

import pytest
from msgspec.structs import replace

from proctor.core import schedules
from proctor.core.commands import Signal
from proctor.core.model import Now, ReplicaId, State
from proctor.core.schedules import Begin, Skip, Wait
from proctor.core.spec import (
    CatchUp,
    Dep,
    Overlap,
    RestartPolicy,
    RestartWhen,
    Schedule,
    Spec,
    TaskType,
    Until,
)

from .life import FAILED, KILLED, every_minute, spawned, spawned_ids

CRON = TaskType.CRON
EVERY = "* * * * *"


def tick(life, name="tick", **fields):
    """Add a task that fires every minute, and let it fire."""
    begun = {"replicas": fields.pop("replicas", 1)}
    life.add(name, CRON, schedule=Schedule(EVERY, **fields), **begun)
    return life.all_up(life.pass_time(60)) or life.asked[-1]


# Overlap.


def test_skip_drops_the_fire_and_counts_it(life):
    tick(life)
    assert life.pass_time(60) == []

    assert life.task("tick").skipped == 1
    assert life.reasons("schedule.skipped") == ["tick:0 still runs"]


def test_a_run_that_has_not_begun_yet_is_in_the_way_too(life):
    life.add("gate", enabled=False)
    life.add("tick", CRON, schedule=Schedule(EVERY), deps=(Dep("gate", Until.READY),))
    life.pass_time(60)
    life.pass_time(60)

    assert life.reasons("schedule.skipped") == ["tick:0 still waiting"]


def test_queued_fires_run_one_after_the_other_up_to_the_bound(life):
    tick(life, overlap=Overlap.QUEUE, queue=2)
    for _ in range(3):
        assert life.pass_time(60) == []
    assert (life.task("tick").queued, life.task("tick").skipped) == (2, 1)

    for _ in range(2):
        commands = life.ends("tick", exit=FAILED)
        assert spawned(commands) == ["tick"]
        life.all_up(commands)
    assert life.ends("tick") == []
    assert (life.task("tick").queued, [r.trigger for r in life.runs.values()]) == (0, ["cron"] * 3)


def test_a_queued_fire_waits_for_the_retries_of_the_run_before(life):
    policy = RestartPolicy(RestartWhen.ON_FAILURE, retries=1)
    schedule = Schedule(EVERY, overlap=Overlap.QUEUE)
    life.add("tick", CRON, schedule=schedule, restart_policy=policy, interval=70.0)
    life.all_up(life.pass_time(60))
    life.ends("tick", exit=FAILED)
    life.pass_time(60)
    assert (life.state("tick"), life.task("tick").queued) == (State.BACKOFF, 1)
    life.all_up(life.pass_time(10))

    assert spawned(life.ends("tick", exit=FAILED)) == ["tick"]


def test_a_queued_fire_outlives_the_manager(life):
    tick(life, overlap=Overlap.QUEUE)
    life.pass_time(60)
    life.next_manager()
    assert life.task("tick").queued == 1

    assert spawned(life.ends("tick")) == ["tick"]


def test_a_stop_empties_the_queue(life):
    tick(life, overlap=Overlap.QUEUE)
    life.pass_time(60)
    life.ask("stop", life.world.ids_of("tick"))

    assert life.ends("tick", exit=KILLED) == []


def test_replace_ends_the_run_before_and_then_begins(life):
    tick(life, overlap=Overlap.REPLACE)
    commands = life.pass_time(60)
    assert [type(command) for command in commands] == [Signal]
    assert life.replica("tick").reason == "replaced by the next run"

    assert spawned(life.ends("tick", exit=KILLED)) == ["tick"]
    assert [run.trigger for run in life.runs.values()] == ["cron", "cron"]


def test_replace_does_not_pile_up_while_the_run_before_will_not_end(life):
    tick(life, overlap=Overlap.REPLACE)
    for _ in range(3):
        life.pass_time(60)
    commands = life.ends("tick", exit=KILLED)

    assert spawned_ids(commands) == ["tick:0"]


def test_allow_runs_beside_and_forgets_what_is_over(life):
    tick(life, overlap=Overlap.ALLOW, replicas=2)
    commands = life.pass_time(60)
    assert spawned_ids(commands) == ["tick:2", "tick:3"]
    life.all_up(commands)
    life.ends("tick", 3)
    assert ReplicaId("tick", 3) not in life.world.replicas
    life.ends("tick", 0)

    assert spawned_ids(life.pass_time(60)) == ["tick:0", "tick:3"]


def test_runs_beside_are_stopped_with_their_task(life):
    tick(life, overlap=Overlap.ALLOW)
    life.all_up(life.pass_time(60))
    commands = life.ask("remove", "tick")
    assert [str(command.id) for command in commands] == ["tick:0", "tick:1"]
    life.ends("tick", 0, exit=KILLED)
    life.ends("tick", 1, exit=KILLED)

    assert "tick" not in life.world.tasks


def test_runs_beside_are_no_surplus_when_the_spec_changes(life):
    tick(life, overlap=Overlap.ALLOW)
    life.all_up(life.pass_time(60))
    life.ask("update", replace(life.task("tick").spec, labels={"a": "b"}))

    assert life.state("tick", 1) is State.UP


def test_what_goes_on_is_read_off_the_processes_after_a_crash(life):
    tick(life)
    life.next_manager()
    life.pass_time(60)
    assert life.task("tick").skipped == 1
    life.ends("tick")

    assert spawned(life.pass_time(60)) == ["tick"]


# Run now.


def test_a_scheduled_task_can_be_run_now(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    fire = life.task("tick").next_fire

    assert spawned(life.ask("run", "tick")) == ["tick"]
    assert life.task("tick").next_fire == fire
    assert life.runs[1].trigger == "run"


@pytest.mark.parametrize(
    ("overlap", "answer"),
    [
        (Overlap.SKIP, Skip("tick:0 still runs")),
        (Overlap.QUEUE, Wait()),
        (Overlap.REPLACE, Begin((0,), restart=True)),
        (Overlap.ALLOW, Begin((1,))),
    ],
)
def test_run_now_goes_by_the_overlap_policy_and_says_what_it_did(life, overlap, answer):
    tick(life, overlap=overlap)

    assert life.world.run("tick", life.clock.now()) == answer


# Catching up.


def away(life, seconds, *, late=False, **fields):
    life.add("tick", CRON, schedule=Schedule(EVERY, **fields))
    return life.next_manager(late=late, away=seconds) + life.pass_time(0)


def test_catch_up_none_passes_over_what_was_missed(life):
    assert spawned(away(life, 300)) == []
    assert spawned(life.pass_time(60)) == ["tick"]


def test_catch_up_last_makes_up_for_it_once(life):
    assert spawned(away(life, 300, catch_up=CatchUp.LAST)) == ["tick"]
    life.all_up(life.asked)

    assert life.ends("tick") == []


@pytest.mark.parametrize("overlap", Overlap)
def test_catch_up_all_makes_up_for_each_one_after_the_other(life, overlap):
    commands = away(life, 300, catch_up=CatchUp.ALL, overlap=overlap)
    runs = 0
    while commands:
        assert spawned_ids(commands) == ["tick:0"]
        runs += 1
        life.all_up(commands)
        commands = life.ends("tick")

    assert runs == 5
    assert life.task("tick").skipped == 0


@pytest.mark.parametrize(
    ("catch_up", "what"),
    [
        (CatchUp.NONE, "nothing makes up for it"),
        (CatchUp.LAST, "1 run to make up for it"),
        (CatchUp.ALL, "5 runs to make up for it"),
    ],
)
def test_fires_that_were_missed_are_put_on_record(life, catch_up, what):
    away(life, 300, catch_up=catch_up)

    assert life.reasons("schedule.missed") == [f"not running then; {what}"]


def test_that_a_fire_was_missed_while_a_run_went_on_is_put_on_record(life):
    tick(life, catch_up=CatchUp.LAST)
    life.next_manager(late=False, away=70)

    assert life.reasons("schedule.missed") == ["not running then; one comes now"]


def test_the_absence_of_the_manager_alone_is_not_put_on_record(life):
    away(life, 150, late=True)

    assert life.reasons("schedule.missed") == []


def test_catching_up_all_has_an_end(life):
    away(life, 10 * 86_400.0, catch_up=CatchUp.ALL)

    assert life.task("tick").queued == schedules.MOST_CAUGHT_UP - 1


def test_a_fire_during_the_catching_up_is_not_in_its_way(life):
    life.all_up(away(life, 300, catch_up=CatchUp.ALL))
    life.pass_time(60)

    assert (life.task("tick").queued, life.task("tick").skipped) == (4, 1)


def test_fires_wait_behind_those_that_were_missed(life):
    away(life, 300, catch_up=CatchUp.ALL)
    task = replace(life.task("tick"), queued=2)

    assert schedules.fired(task, []) == Skip("fires that were missed come first")


def test_a_fire_missed_by_the_manager_alone_comes_late_whatever_the_policy(life):
    assert spawned(away(life, 150, late=True)) == ["tick"]


def test_a_fire_missed_by_the_manager_while_a_run_goes_on_is_left_to_the_policy(life):
    tick(life)
    life.next_manager(away=70)
    life.pass_time(0)

    assert (life.task("tick").skipped, life.task("tick").queued) == (1, 0)


def test_fires_that_come_while_the_service_stops_are_left_to_its_next_life(life):
    life.add("tick", CRON, schedule=Schedule(EVERY, catch_up=CatchUp.LAST))
    life.ask("halt")
    assert life.pass_time(120) == []
    assert life.world.next_deadlines() == (None, None)

    assert spawned(life.next_manager(late=False)) == ["tick"]


# One-off.


def test_a_one_off_fires_once_at_its_moment(life):
    at = life.clock.wall + 90
    life.add("later", TaskType.ONCE, schedule=Schedule(at=at))
    assert life.pass_time(89) == []
    assert spawned(life.pass_time(1)) == ["later"]
    life.all_up(life.asked)
    life.ends("later")

    assert (life.pass_time(1e6), life.task("later").next_fire) == ([], None)


def test_a_one_off_of_the_past_is_due_at_once(life):
    life.add("later", TaskType.ONCE, schedule=Schedule(at=5.0))

    assert spawned(life.pass_time(0)) == ["later"]


@pytest.mark.parametrize("late", [True, False])
def test_a_one_off_that_was_missed_is_made_up_for(life, late):
    life.add("later", TaskType.ONCE, schedule=Schedule(at=life.clock.wall + 90))

    assert spawned(life.next_manager(late=late, away=200) + life.pass_time(0)) == ["later"]
    assert life.task("later").last_fire is not None


def test_a_one_off_that_has_fired_does_not_fire_again_when_it_is_enabled_again(life):
    life.add("later", TaskType.ONCE, schedule=Schedule(at=life.clock.wall + 90))
    life.all_up(life.pass_time(90))
    life.ends("later")
    spec = life.task("later").spec
    life.ask("update", replace(spec, enabled=False))
    life.ask("update", spec)

    assert life.pass_time(100) == []


def test_a_one_off_that_is_restarted_by_hand_fires_again(life):
    life.add("later", TaskType.ONCE, schedule=Schedule(at=life.clock.wall + 90))
    life.all_up(life.pass_time(90))
    life.ends("later")
    life.ask("rearm", "later")

    assert spawned(life.pass_time(0)) == ["later"]


# Pausing.


def test_a_paused_schedule_does_not_fire_and_a_resumed_one_waits_for_its_next_moment(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    spec = life.task("tick").spec
    life.ask("update", replace(spec, enabled=False))
    assert life.pass_time(600) == []
    assert life.task("tick").next_fire is None
    life.ask("update", spec)
    assert life.pass_time(0) == []

    assert spawned(life.pass_time(60)) == ["tick"]


def test_pausing_leaves_the_run_that_goes_on_and_holds_the_queue(life):
    tick(life, overlap=Overlap.QUEUE)
    life.pass_time(60)
    spec = life.task("tick").spec
    life.ask("update", replace(spec, enabled=False))
    assert life.state("tick") is State.UP
    assert life.ends("tick") == []

    assert spawned(life.ask("update", spec)) == ["tick"]


def test_a_disabled_task_does_not_start_by_itself(life):
    assert life.add("web", enabled=False) == []
    assert spawned(life.ask("start", life.world.ids_of("web"), trigger="api")) == ["web"]


def test_a_restart_of_a_scheduled_task_ends_its_run_and_waits_for_the_next_fire(life):
    tick(life)
    commands = life.ask("rearm", "tick")
    assert [type(command) for command in commands] == [Signal]
    assert life.ends("tick", exit=KILLED) == []

    assert spawned(life.pass_time(60)) == ["tick"]


# Jitter.


def test_the_jitter_stays_within_its_bound_and_is_spread():
    offsets = []
    for i in range(300):
        spec = Spec(f"t{i}", CRON, "x", schedule=Schedule(EVERY, jitter=30.0))
        fire = schedules.first_fire(spec, 1_700_000_000.0, every_minute)
        offsets.append(fire.at - fire.nominal)

    assert all(0 <= offset <= 30 for offset in offsets)
    assert min(offsets) < 3
    assert max(offsets) > 27


def test_the_jitter_of_a_fire_is_always_the_same():
    spec = Spec("t", CRON, "x", schedule=Schedule(EVERY, jitter=30.0))

    first, second = (schedules.first_fire(spec, 1_700_000_000.0, every_minute) for _ in "ab")
    assert first == second


def test_a_jitter_longer_than_the_period_loses_no_fire(life):
    life.add("tick", CRON, schedule=Schedule(EVERY, jitter=300.0, overlap=Overlap.ALLOW))
    begun = 0
    for _ in range(3600):
        begun += len(life.pass_time(1.0))

    assert 54 <= begun <= 60


# Blackouts.


def test_fires_in_a_blackout_are_passed_over(life):
    blackout = (("hour", 1800.0),)
    life.clock.wall = 1_699_999_200.0  # a full hour
    life.add("tick", CRON, schedule=Schedule(EVERY, blackouts=blackout))

    assert life.task("tick").next_fire == life.clock.wall + 1800


@pytest.mark.parametrize("seconds", [90.0, 90.5, 120.0])
def test_the_end_of_a_blackout_is_in_the_open(seconds):
    spec = Spec("t", CRON, "x", schedule=Schedule(EVERY, blackouts=(("hour", seconds),)))

    assert schedules.open_moment(spec, 3600.0 - 1, every_minute) == 3600.0 + 120


def test_the_longer_of_two_blackouts_counts():
    spec = Spec(
        "t", CRON, "x", schedule=Schedule(EVERY, blackouts=(("hour", 60.0), ("hour", 600.0)))
    )

    assert schedules.open_moment(spec, 3600.0 - 1, every_minute) == 3600.0 + 600


def test_a_schedule_that_is_always_in_a_blackout_never_fires():
    spec = Spec("t", CRON, "x", schedule=Schedule(EVERY, blackouts=((EVERY, 60.0),)))

    assert schedules.open_moment(spec, 0.0, every_minute) is None
    assert schedules.first_fire(spec, 0.0, every_minute) is None


def test_a_blackout_that_never_begins_hides_nothing():
    spec = Spec("t", CRON, "x", schedule=Schedule(EVERY, blackouts=(("@reboot", 60.0),)))

    assert schedules.open_moment(spec, 0.0, every_minute) == 60.0


def test_the_jitter_does_not_push_a_fire_into_a_blackout():
    for i in range(50):
        schedule = Schedule("* * * * *", jitter=3000.0, blackouts=(("hour", 3000.0),))
        spec = Spec(f"t{i}", CRON, "x", schedule=schedule)
        fire = schedules.first_fire(spec, 3600.0 + 3300, every_minute)
        assert fire.at < 7200 or fire.at >= 7200 + 3000


def test_what_is_missed_in_a_blackout_is_not_made_up_for(life):
    life.clock.wall = 1_699_999_200.0 - 30
    life.add(
        "tick",
        CRON,
        schedule=Schedule(EVERY, catch_up=CatchUp.ALL, blackouts=(("hour", 3500.0),)),
    )
    life.next_manager(late=False, away=3600.0)

    assert life.task("tick").queued == 0


# The clock.


def test_a_clock_set_forward_fires_once(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    life.clock.set_wall(life.clock.wall + 3600)
    commands = life.pass_time(0)
    life.all_up(commands)
    life.ends("tick")

    assert (spawned(commands), life.pass_time(0)) == (["tick"], [])


def test_a_clock_set_back_does_not_silence_a_schedule(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    life.pass_time(1)
    life.clock.set_wall(life.clock.wall - 3600)
    life.pass_time(0)

    assert life.task("tick").next_fire <= life.clock.wall + 60


def test_a_clock_set_back_a_little_leaves_the_next_fire_where_it_is(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    life.pass_time(10)
    fire = life.task("tick").next_fire
    life.clock.set_wall(life.clock.wall - 5)
    life.pass_time(0)

    assert life.task("tick").next_fire == fire


def test_a_clock_set_back_does_not_bring_a_one_off_nearer(life):
    at = life.clock.wall + 90
    life.add("later", TaskType.ONCE, schedule=Schedule(at=at))
    life.add("start", CRON, schedule=Schedule("@reboot"))
    life.pass_time(1)
    life.clock.set_wall(life.clock.wall - 3600)
    life.pass_time(0)

    assert life.task("later").next_fire == at


def test_a_clock_that_is_adjusted_a_little_changes_nothing(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    life.pass_time(1)
    fire = life.task("tick").next_fire
    life.clock.set_wall(life.clock.wall - 0.2)
    life.pass_time(0)

    assert life.task("tick").next_fire == fire


def test_pauses_go_on_whatever_becomes_of_the_calendar(life):
    life.all_up(life.add("web", interval=5.0))
    life.pass_time(1)
    life.ends("web", exit=FAILED)
    life.clock.set_wall(life.clock.wall - 3600)
    assert life.pass_time(4.9) == []
    life.clock.set_wall(life.clock.wall + 7200)

    assert spawned(life.pass_time(0.1)) == ["web"]


def test_a_machine_that_slept_fires_once_and_goes_on(life):
    life.add("tick", CRON, schedule=Schedule(EVERY))
    life.clock.wall += 8 * 3600
    life.all_up(life.pass_time(0))
    life.ends("tick")

    assert life.task("tick").next_fire - life.clock.wall <= 60
    assert life.world.next_deadlines()[0] is None


def test_a_schedule_without_a_next_moment_is_not_armed():
    spec = Spec("t", CRON, "x", schedule=Schedule("@reboot"))

    assert schedules.first_fire(spec, 0.0, every_minute) is None
    one_off = replace(spec, schedule=Schedule(at=5.0))
    assert schedules.open_moment(one_off, 0.0, every_minute) is None


def test_who_is_not_armed_has_missed_nothing(life):
    life.add("tick", CRON, schedule=Schedule(EVERY), enabled=False)
    now = Now(0.0, life.clock.wall + 1e6)

    assert schedules.missed(life.task("tick"), now.wall, every_minute, late=True) == 0
    assert schedules.following_fire(life.task("tick"), now.wall, every_minute) is None

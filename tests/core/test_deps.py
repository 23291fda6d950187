"""What dependencies wait for, and what they say they wait for."""

import pytest
from msgspec.structs import replace

from proctor.core.deps import Blocker
from proctor.core.errors import UnknownTask
from proctor.core.events import SpawnFailed
from proctor.core.model import State
from proctor.core.spec import (
    Check,
    CheckKind,
    Dep,
    RestartPolicy,
    RestartWhen,
    Schedule,
    TaskType,
    Until,
)

from .life import FAILED, KILLED, OK, spawned, spawned_ids

ONCE = TaskType.ONCE
CRON = TaskType.CRON
NEVER = RestartPolicy(RestartWhen.NEVER)
GIVES_UP = RestartPolicy(RestartWhen.ALWAYS, limit=1)


def after(name, until=Until.SETTLED, **fields):
    return (Dep(name, until, **fields),)


# Started.


def test_started_waits_for_a_process_of_every_replica(life):
    first, second = life.add("a", ONCE, replicas=2)

    assert life.add("b", deps=after("a", Until.STARTED)) == []
    assert life.blockers("b") == ["a is starting"]
    life.all_up([first])
    assert spawned(life.all_up([second])) == ["b"]


def test_started_holds_when_it_is_over(life):
    life.all_up(life.add("a", ONCE))
    life.ends("a", exit=FAILED)

    assert spawned(life.add("b", deps=after("a", Until.STARTED))) == ["b"]


def test_what_could_not_be_spawned_has_not_started(life):
    (command,) = life.add("a", ONCE)
    life.add("b", deps=after("a", Until.STARTED))
    life.hear(SpawnFailed(command.id, command.run, "no such file: a"))

    assert life.world.blockers("b") == [Blocker("a", "is down (no such file: a)", final=True)]


# Ready.


def test_ready_waits_for_all_replicas(life):
    first, second = life.add("a", replicas=2)
    life.add("b", deps=after("a", Until.READY))

    life.all_up([first])
    assert life.blockers("b") == ["a is starting"]
    assert spawned(life.all_up([second])) == ["b"]


def test_a_dependency_that_is_restarted_holds_up_what_starts_meanwhile(life):
    life.all_up(life.add("a", interval=5.0))
    life.ends("a", exit=FAILED)

    assert life.add("b", deps=after("a", Until.READY)) == []
    assert life.blockers("b") == ["a is about to be restarted (exited 1)"]
    assert spawned(life.all_up(life.pass_time(5.0))) == ["b"]


def test_a_dependent_that_runs_is_left_alone_when_its_dependency_fails(life):
    life.all_up(life.add("a", interval=5.0))
    life.all_up(life.add("b", deps=after("a", Until.READY)))
    life.ends("a", exit=FAILED)

    assert life.state("b") is State.UP


# Completed.


def test_completed_waits_for_the_end_of_the_last_replica(life):
    life.all_up(life.add("a", ONCE, replicas=2))
    life.add("b", deps=after("a", Until.COMPLETED))
    assert life.blockers("b") == ["a is running"]
    life.ends("a", 0, exit=FAILED)

    assert spawned(life.ends("a", 1, exit=FAILED)) == ["b"]


def test_completed_wants_a_run(life):
    life.add("a", ONCE, enabled=False)
    life.add("b", deps=after("a", Until.COMPLETED))

    assert life.blockers("b") == ["a has not run"]


def test_completed_ok_is_satisfied_by_success_codes(life):
    life.all_up(life.add("a", ONCE, success_codes=(0, 3)))
    life.add("b", deps=after("a", Until.COMPLETED_OK))

    assert spawned(life.ends("a", exit=replace(OK, code=3))) == ["b"]


def test_a_failed_required_dependency_blocks_for_good_and_says_so(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", deps=after("a", Until.COMPLETED_OK))
    life.ends("a", exit=FAILED)

    assert life.world.blockers("b") == [Blocker("a", "exited 1", final=True)]
    assert life.state("b") is State.WAITING
    assert life.pass_time(3600) == []


def test_who_is_blocked_for_good_blocks_its_own_dependents_for_good(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", ONCE, deps=after("a", Until.COMPLETED_OK))
    life.add("c", ONCE, deps=after("b", Until.COMPLETED))
    life.add("d", deps=after("c"))
    assert not any(b.final for name in "bcd" for b in life.world.blockers(name))
    life.ends("a", exit=FAILED)

    assert [str(b) for b in life.world.blockers("c")] == ["b is blocked", "a exited 1"]
    assert all(b.final for name in "bcd" for b in life.world.blockers(name))


def test_a_dependency_that_is_run_again_with_success_sets_them_all_free(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", ONCE, deps=after("a", Until.COMPLETED_OK))
    life.add("c", deps=after("b", Until.COMPLETED_OK))
    life.ends("a", exit=FAILED)
    life.all_up(life.ask("start", life.world.ids_of("a"), trigger="api"))
    assert not any(b.final for name in "bc" for b in life.world.blockers(name))

    assert spawned(life.all_up(life.ends("a"))) == []
    assert spawned(life.ends("b")) == ["c"]


def test_a_retry_keeps_hope_alive(life):
    retries = RestartPolicy(RestartWhen.ON_FAILURE, retries=1)
    life.all_up(life.add("a", ONCE, restart_policy=retries, interval=5.0))
    life.add("b", deps=after("a", Until.COMPLETED_OK))
    life.ends("a", exit=FAILED)
    assert life.world.blockers("b") == [
        Blocker("a", "is about to be restarted (exited 1)", final=False)
    ]
    life.all_up(life.pass_time(5.0))

    assert spawned(life.ends("a")) == ["b"]


def test_a_daemon_that_was_given_up_blocks_for_good(life):
    life.all_up(life.add("a", restart_policy=GIVES_UP))
    life.add("b", deps=after("a", Until.COMPLETED))
    assert spawned(life.ends("a", exit=FAILED)) == ["b"]
    life.add("c", deps=after("a"))

    assert life.world.blockers("c") == [Blocker("a", "failed: start-limit 1 in 60s", final=True)]


def test_what_somebody_stopped_blocks_until_somebody_starts_it(life):
    life.all_up(life.add("a"))
    life.ask("stop", life.world.ids_of("a"))
    life.add("b", deps=after("a"))
    assert life.blockers("b") == ["a is stopping"]
    life.ends("a", exit=KILLED)

    assert life.world.blockers("b") == [Blocker("a", "is stopped", final=True)]
    life.all_up(life.ask("start", life.world.ids_of("a"), trigger="api"))
    assert spawned(life.asked) == ["a", "b"] or life.state("b") is State.STARTING


def test_a_schedule_may_still_bring_what_is_waited_for(life):
    life.add("a", CRON, schedule=Schedule("* * * * *"))
    life.add("b", deps=after("a", Until.COMPLETED_OK))
    assert life.world.blockers("b") == [Blocker("a", "has not run", final=False)]
    life.all_up(life.pass_time(60))

    assert spawned(life.ends("a")) == ["b"]


# Optional, missing.


def test_a_required_dependency_has_to_exist_unless_it_is_plain(life):
    life.add("b", deps=after("a", Until.READY))

    assert life.world.blockers("b") == [Blocker("a", "does not exist", final=True)]
    assert spawned(life.all_up(life.add("a"))) == ["b"]


@pytest.mark.parametrize("until", [until for until in Until if until is not Until.LOG_LINE])
def test_an_optional_dependency_that_is_missing_holds_nothing_up(life, until):
    assert spawned(life.add("b", deps=after("a", until, required=False))) == ["b"]


def test_an_optional_dependency_is_waited_for_while_it_may_come(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", deps=after("a", Until.COMPLETED_OK, required=False))
    assert life.blockers("b") == ["a is running"]

    assert spawned(life.ends("a", exit=FAILED)) == ["b"]


def test_an_optional_dependency_that_is_blocked_for_good_is_not_waited_for(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", ONCE, deps=after("a", Until.COMPLETED_OK))
    life.add("c", deps=after("b", Until.READY, required=False))
    assert life.state("c") is State.WAITING

    assert spawned(life.ends("a", exit=FAILED)) == ["c"]


def test_that_something_will_not_come_is_known_however_far_away_it_failed(life):
    life.all_up(life.add("a", ONCE))
    for name, needed in (("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")):
        life.add(name, ONCE, deps=after(needed, Until.COMPLETED_OK))
    life.add("f", deps=after("e", Until.COMPLETED_OK, required=False))
    assert life.state("f") is State.WAITING

    assert spawned(life.ends("a", exit=FAILED)) == ["f"]


def test_an_optional_plain_dependency_does_not_pass_its_own_on(life):
    life.all_up(life.add("a", ONCE))
    life.all_up(life.add("b", ONCE, deps=after("x")))
    life.ends("b")
    life.ask("update", replace(life.task("b").spec, deps=after("a")))

    assert spawned(life.add("c", deps=after("b", required=False))) == ["c"]
    assert life.add("d", deps=after("b")) == []


def test_a_line_of_a_task_that_is_over_will_not_come(life):
    life.all_up(life.add("a", ONCE))
    life.ends("a")
    life.add("b", deps=after("a", Until.LOG_LINE, pattern="up"))

    assert life.world.blockers("b") == [Blocker("a", "has not printed 'up'", final=True)]


# Plain, in turn.


def test_plain_dependencies_hold_in_turn_though_what_is_between_runs(life):
    life.all_up(life.add("a", interval=5.0))
    life.all_up(life.add("b", deps=after("a")))
    life.ends("a", exit=FAILED)

    assert life.add("c", deps=after("b")) == []
    assert life.blockers("c") == ["a is about to be restarted (exited 1)"]
    assert spawned(life.all_up(life.pass_time(5.0))) == ["c"]


def test_only_plain_conditions_are_passed_on(life):
    life.all_up(life.add("a", ONCE))
    life.ends("a")
    life.all_up(life.add("b", deps=after("a", Until.COMPLETED_OK)))
    life.all_up(life.ask("start", life.world.ids_of("a"), trigger="api"))
    life.ends("a", exit=FAILED)

    assert spawned(life.add("c", deps=after("b"))) == ["c"]
    assert life.blockers("c") == []


def test_what_is_stuck_far_down_is_stuck(life):
    life.all_up(life.add("a", restart_policy=GIVES_UP))
    life.all_up(life.add("b", deps=after("a")))
    life.ends("a", exit=FAILED)
    life.add("c", deps=after("b"))

    assert [b.final for b in life.world.blockers("c")] == [True]
    life.add("d", deps=after("c", Until.READY, required=False))
    assert life.state("d") is State.STARTING


def test_dependencies_may_be_restored_in_any_order(life):
    life.all_up(life.add("a", ONCE))
    life.add("b", deps=after("a"))
    life.add("c", deps=after("b"))
    life.saved_tasks = dict(reversed(life.saved_tasks.items()))

    assert life.next_manager() == []
    assert spawned(life.all_up(life.ends("a"))) == ["c"]


def test_a_scaled_down_replica_on_its_way_out_holds_nothing_up(life):
    life.all_up(life.add("a", replicas=2))
    life.ask("update", replace(life.task("a").spec, replicas=1))

    assert life.state("a", 1) is State.STOPPING
    assert spawned(life.add("b", deps=after("a"))) == ["b"]


def test_new_dependencies_hold_for_the_next_start(life):
    life.all_up(life.add("b", interval=1.0))
    life.add("a", ONCE)
    life.ask("update", replace(life.task("b").spec, deps=after("a")))
    assert life.state("b") is State.UP
    life.ends("b", exit=FAILED)

    assert spawned(life.pass_time(1.0)) == []
    assert life.blockers("b") == ["a is starting"]


def test_dependencies_that_are_given_up_hold_nothing_up(life):
    life.add("a", ONCE)
    life.add("b", deps=after("a"))

    assert spawned(life.ask("update", replace(life.task("b").spec, deps=()))) == ["b"]


# Starting what is needed.


def test_starting_a_task_can_start_what_it_needs(life):
    for name, deps in (("a", ()), ("b", after("a")), ("c", after("b"))):
        life.add(name, enabled=False, deps=deps)
    commands = life.ask("start", life.world.ids_of("c"), trigger="api", needs=True)

    assert spawned(commands) == ["a"]
    assert spawned(life.all_up(commands)) == ["b"]
    assert life.runs[1].trigger == "needed by c"


def test_what_is_satisfied_or_runs_or_is_missing_is_not_started_for_it(life):
    life.all_up(life.add("done", ONCE))
    life.ends("done")
    life.all_up(life.add("runs"))
    deps = (Dep("done"), Dep("runs"), Dep("ghost", Until.READY))
    life.add("c", enabled=False, deps=deps)
    life.ask("start", life.world.ids_of("c"), trigger="api", needs=True)

    assert (life.state("done"), life.blockers("c")) == (State.DOWN, ["ghost does not exist"])


def test_a_failed_job_is_run_again_for_who_needs_it(life):
    life.all_up(life.add("a", ONCE))
    life.ends("a", exit=FAILED)
    life.add("b", enabled=False, deps=after("a", Until.COMPLETED_OK))
    commands = life.ask("start", life.world.ids_of("b"), trigger="api", needs=True)

    assert spawned(commands) == ["a"]


# Pools.


def test_a_pool_never_holds_more_than_its_slots(life):
    life.world.pools = {"io": 2}
    assert spawned_ids(life.add("a", ONCE, replicas=3, pool="io")) == ["a:0", "a:1"]
    assert life.blockers("a") == ["pool io has no free slot of 2"]
    life.all_up(life.asked)

    assert spawned_ids(life.ends("a", 1)) == ["a:2"]
    assert life.blockers("a") == []


def test_a_free_slot_goes_to_the_highest_priority_then_to_who_came_first(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("first", ONCE, pool="io"))
    for name, priority in (("low", 0), ("high", 5), ("also", 5), ("late", 0)):
        life.add(name, ONCE, pool="io", priority=priority)
    order = []
    life.ends("first")
    while starting := [n for n in life.world.tasks if life.state(n) is State.STARTING]:
        order += starting
        life.all_up(life.asked[-1:])
        life.ends(starting[0])

    assert order == ["high", "also", "low", "late"]


def test_a_new_priority_holds_for_who_waits(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("first", ONCE, pool="io"))
    life.add("a", ONCE, pool="io", priority=1)
    life.add("b", ONCE, pool="io")
    life.ask("update", replace(life.task("b").spec, priority=2))

    assert spawned(life.ends("first")) == ["b"]


def test_who_is_held_up_otherwise_takes_no_slot(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("first", ONCE, pool="io"))
    life.all_up(life.add("gate", interval=5.0))
    life.add("a", ONCE, pool="io", priority=9, deps=after("gate"))
    life.add("b", ONCE, pool="io")
    life.ends("gate", exit=FAILED)

    assert spawned(life.ends("first")) == ["b"]


def test_who_was_stopped_or_moved_leaves_the_queue(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("first", ONCE, pool="io"))
    life.add("a", ONCE, pool="io")
    life.add("b", ONCE, pool="io")
    life.ask("stop", life.world.ids_of("a"))
    moved = life.ask("update", replace(life.task("b").spec, pool=None))

    assert spawned(moved) == ["b"]
    assert spawned(life.ends("first")) == []


def test_a_pool_without_slots_has_no_bound_and_one_that_grows_lets_more_in(life):
    assert len(life.add("a", ONCE, replicas=3, pool="wide")) == 3
    life.world.pools = {"io": 1}
    life.add("b", ONCE, replicas=4, pool="io")
    life.world.pools = {"io": 3}
    assert spawned_ids(life.settle()) == ["b:1", "b:2"]
    life.world.pools = {}

    assert spawned_ids(life.settle()) == ["b:3"]


def test_a_run_gives_back_the_slot_it_took(life):
    life.world.pools = {"io": 1, "cpu": 1}
    life.all_up(life.add("a", ONCE, pool="io"))
    life.add("b", ONCE, pool="io")
    life.ask("update", replace(life.task("a").spec, pool="cpu"))
    life.add("c", ONCE, pool="cpu")

    assert life.state("c") is State.STARTING
    assert spawned(life.ends("a")) == ["b"]


def test_a_removed_task_that_waited_for_a_slot_is_forgotten(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("a", ONCE, pool="io"))
    life.add("b", ONCE, pool="io")
    life.ask("remove", "b")

    assert "b" not in life.world.tasks
    assert life.ends("a") == []
    with pytest.raises(UnknownTask):
        life.world.startable("b")


def test_a_readiness_failure_is_not_the_end_of_hope(life):
    check = Check(CheckKind.TCP, "x:1", failures=1)
    life.all_up(life.add("a", readiness=check))
    life.add("b", deps=after("a", Until.READY))

    assert [b.final for b in life.world.blockers("b")] == [False]

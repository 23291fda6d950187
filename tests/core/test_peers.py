"""What other managers promise, in our own words: supervisord's transitions, the orders of
process-compose's examples, dinit's dependency cases.
"""

import pytest
from msgspec.structs import replace

from proctor.core.errors import DependencyCycle
from proctor.core.events import Exited, Spawned, SpawnFailed, Stop
from proctor.core.model import Exit, State
from proctor.core.spec import (
    Check,
    CheckKind,
    Dep,
    RestartPolicy,
    RestartWhen,
    TaskType,
    Until,
)

from .life import FAILED, KILLED, OK, Life, ended, spawned

ONCE = TaskType.ONCE
TRIES = RestartPolicy(RestartWhen.ALWAYS, factor=2.0, stable_after=5.0, limit=3, window=600.0)


# supervisord: a process is up when it has stayed up; too many quick exits are fatal.


def in_state(life, state):
    """Bring a daemon into a state."""
    limit = 1 if state is State.FAILED else None
    policy = RestartPolicy(RestartWhen.ALWAYS, limit=limit)
    (spawn,) = life.add("p", interval=5.0, stop_timeout=1.0, restart_policy=policy)
    if state is State.STARTING:
        return
    life.hear(Spawned(spawn.id, spawn.run, 9))
    match state:
        case State.BACKOFF | State.FAILED:
            life.ends("p", exit=FAILED)
        case State.STOPPING | State.DOWN:
            life.ask("stop", life.world.ids_of("p"))
            if state is State.DOWN:
                life.ends("p", exit=KILLED)
        case State.KILLING:
            life.ask("stop", life.world.ids_of("p"))
            life.pass_time(1.0)
        case State.WAITING:
            life.ask("stop", life.world.ids_of("p"))
            life.ends("p", exit=KILLED)
            held = replace(life.task("p").spec, deps=(Dep("gate", Until.READY),))
            life.ask("update", held)
            life.ask("start", life.world.ids_of("p"), trigger="api")
    assert life.state("p") is state


def let_end(life):
    """Let whatever was asked to end do so."""
    if life.state("p") is State.STARTING:
        life.all_up(life.asked[-1:])
    if life.replica("p").alive:
        life.ends("p", exit=KILLED)


@pytest.mark.parametrize("state", State)
def test_a_process_can_be_stopped_from_every_state(life, state):
    in_state(life, state)
    life.ask("stop", life.world.ids_of("p"))
    let_end(life)

    assert life.state("p") is State.DOWN
    assert life.pass_time(1000.0) == []


@pytest.mark.parametrize("state", [s for s in State if s is not State.WAITING])
def test_a_process_can_be_started_from_every_state(life, state):
    in_state(life, state)
    commands = life.ask("start", life.world.ids_of("p"), trigger="api")
    if state in (State.STOPPING, State.KILLING):
        commands = life.ends("p", exit=KILLED)

    fresh = state not in (State.STARTING, State.UP)
    assert spawned(commands) == (["p"] if fresh else [])
    assert life.replica("p").wanted


@pytest.mark.parametrize("state", [s for s in State if s is not State.WAITING])
def test_a_process_can_be_restarted_from_every_state_and_there_is_one_of_it(life, state):
    in_state(life, state)
    before = life.replica("p").run
    life.ask("restart", life.world.ids_of("p"))
    if life.replica("p").run == before:
        let_end(life)

    assert (life.state("p"), life.replica("p").run) == (State.STARTING, before + 1)


def test_quick_exits_back_off_further_and_further_until_they_are_fatal(life):
    commands = life.add("p", interval=1.0, restart_policy=TRIES)
    states = []
    for pause in (1.0, 2.0, 0.0):
        life.all_up(commands)
        life.pass_time(0.5)
        life.ends("p", exit=FAILED)
        states.append(life.state("p"))
        commands = life.pass_time(pause)

    assert states == [State.BACKOFF, State.BACKOFF, State.FAILED]
    assert commands == []


@pytest.mark.parametrize(("lasted", "restarts"), [(4.9, 2), (5.0, 1), (5.1, 1)])
def test_staying_up_long_enough_is_a_success_to_the_second(life, lasted, restarts):
    life.all_up(life.add("p", interval=1.0, restart_policy=TRIES))
    life.ends("p", exit=FAILED)
    life.all_up(life.pass_time(1.0))
    life.pass_time(lasted)
    life.ends("p", exit=FAILED)

    assert life.replica("p").restarts == restarts


def test_a_command_that_cannot_be_run_backs_off_like_one_that_exits(life):
    (spawn,) = life.add("p", interval=1.0, restart_policy=TRIES)
    life.hear(SpawnFailed(spawn.id, spawn.run, "p: No such file or directory"))

    assert (life.state("p"), life.replica("p").reason) == (
        State.BACKOFF,
        "p: No such file or directory",
    )


def test_expected_and_unexpected_exits_are_told_apart(life):
    policy = RestartPolicy(RestartWhen.ON_FAILURE)
    for name in ("expected", "unexpected"):
        life.all_up(life.add(name, restart_policy=policy, success_codes=(0, 2)))
    life.ends("expected", exit=Exit(code=2))
    life.ends("unexpected", exit=Exit(code=3))

    assert (life.state("expected"), life.state("unexpected")) == (State.DOWN, State.BACKOFF)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_hangs_nothing_in_any_state(hours):
    for state in (State.BACKOFF, State.STOPPING, State.KILLING):
        life = Life()
        in_state(life, state)
        life.clock.set_wall(life.clock.wall + hours * 3600)
        life.pass_time(10.0)

        after = {State.BACKOFF: State.STARTING, State.STOPPING: State.KILLING}
        assert life.state("p") is after.get(state, state)


def test_a_process_that_ignores_its_signal_is_killed_in_the_end(life):
    life.all_up(life.add("deaf", stop_signals=("TERM", "INT"), stop_timeout=2.0))
    life.ask("stop", life.world.ids_of("deaf"))
    life.pass_time(2.0)
    life.pass_time(2.0)

    assert [type(c).__name__ for c in life.asked] == ["Spawn", "Signal", "Signal", "Kill"]
    assert [c.signal for c in life.asked[1:3]] == ["TERM", "INT"]


def test_an_exit_of_a_run_that_is_over_changes_nothing(life):
    life.all_up(life.add("p", interval=0.0))
    old = life.replica("p")
    life.all_up(life.ends("p", exit=FAILED))
    life.hear(Exited(old.id, old.run, OK))

    assert life.state("p") is State.UP


# process-compose: who runs after whom.


def completes(name):
    return Dep(name, Until.COMPLETED_OK)


def order_of(deps, failing=()):
    """Return in which order jobs run that end at once, and who never ran."""
    life = Life()
    for name, needed in deps.items():
        life.add(name, ONCE, deps=tuple(completes(dep) for dep in needed))
    order = []
    while going := [name for name in deps if life.state(name) is State.STARTING]:
        order.append(going)
        for name in going:
            r = life.replica(name)
            life.hear(Spawned(r.id, r.run, 9))
        for name in going:
            life.ends(name, exit=FAILED if name in failing else OK)
    never = [name for name in deps if life.replica(name).run == 0]
    assert all(life.world.blockers(name)[0].final for name in never)
    return order, never


CHAIN = {"e": "d", "d": "c", "c": "b", "b": "a", "a": ""}
RHOMBUS = {"a": "", "b": "a", "c": "a", "d": "bc"}
MANY_FOR_ONE = {"one": "", "b": ["one"], "c": ["one"], "d": ["one"]}
ONE_FOR_MANY = {"one": "bcd", "b": "", "c": "", "d": ""}


@pytest.mark.parametrize(
    ("deps", "order"),
    [
        (CHAIN, [["a"], ["b"], ["c"], ["d"], ["e"]]),
        (RHOMBUS, [["a"], ["b", "c"], ["d"]]),
        (MANY_FOR_ONE, [["one"], ["b", "c", "d"]]),
        (ONE_FOR_MANY, [["b", "c", "d"], ["one"]]),
    ],
)
def test_jobs_run_in_the_order_of_their_dependencies(deps, order):
    assert order_of(deps) == (order, [])


@pytest.mark.parametrize(
    ("deps", "failing", "order", "never"),
    [
        (CHAIN, "c", [["a"], ["b"], ["c"]], ["e", "d"]),
        (RHOMBUS, "b", [["a"], ["b", "c"]], ["d"]),
        (RHOMBUS, "a", [["a"]], ["b", "c", "d"]),
        (ONE_FOR_MANY, "d", [["b", "c", "d"]], ["one"]),
    ],
)
def test_a_failure_holds_up_for_good_what_needs_it_and_nothing_else(deps, failing, order, never):
    assert order_of(deps, failing) == (order, never)


def test_daemons_of_a_chain_come_up_one_by_one_and_stop_in_reverse(life):
    for name, needed in reversed(CHAIN.items()):
        life.add(name, deps=tuple(Dep(dep, Until.READY) for dep in needed))
    started = [c.id.task for c in life.asked]
    while started[-1] != "e":
        started += spawned(life.all_up(life.asked[-1:]))
    life.all_up(life.asked[-1:])
    stopped = ended(life.ask("halt"))
    while not life.world.idle:
        stopped += ended(life.ends(stopped[-1][0], exit=KILLED))

    assert started == list("abcde")
    assert stopped == [f"{name}:0" for name in "edcba"]


def test_who_waits_for_a_line_that_a_failing_process_never_prints_is_told(life):
    life.all_up(life.add("db", ONCE))
    life.add("web", deps=(Dep("db", Until.LOG_LINE, pattern="ready"),))
    life.ends("db", exit=FAILED)

    (found,) = life.world.blockers("web")
    assert (str(found), found.final) == ("db has not printed 'ready'", True)


def test_a_restart_of_what_is_about_to_be_restarted_makes_no_second_copy(life):
    life.all_up(life.add("p", interval=5.0))
    life.ends("p", exit=FAILED)
    assert spawned(life.ask("restart", life.world.ids_of("p"))) == ["p"]

    assert spawned(life.pass_time(100.0)) == []


def test_many_restarts_at_once_are_one(life):
    life.all_up(life.add("p"))
    for _ in range(5):
        life.ask("restart", life.world.ids_of("p"))
    commands = life.ends("p", exit=KILLED)

    assert spawned(commands) == ["p"]
    assert ended(life.asked) == ["p:0"]


def test_a_stop_during_the_restart_of_a_dependency_is_kept(life):
    life.all_up(life.add("db", interval=5.0))
    life.ends("db", exit=FAILED)
    life.add("web", deps=(Dep("db", Until.READY),))
    life.ask("stop", life.world.ids_of("web"))
    life.all_up(life.pass_time(5.0))

    assert life.state("web") is State.DOWN


# dinit: needs, waits for, milestones; cycles.


def test_who_is_needed_starts_first_and_only_what_it_takes(life):
    for name, needed in {"s1": "", "s2": "s1", "s3": "s2", "other": ""}.items():
        deps = tuple(Dep(dep, Until.READY) for dep in needed.split())
        life.add(name, enabled=False, deps=deps)
    life.ask("start", life.world.ids_of("s3"), trigger="api", needs=True)
    while life.all_up(life.asked[-1:]):
        pass

    assert spawned(life.asked) == ["s1", "s2", "s3"]


def test_a_soft_dependency_is_waited_for_and_its_failure_forgiven(life):
    (spawn,) = life.add("soft", restart_policy=RestartPolicy(RestartWhen.NEVER))
    life.add("web", deps=(Dep("soft", Until.READY, required=False),))
    assert life.blockers("web") == ["soft is starting"]

    commands = life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))
    assert spawned(commands) == ["web"]


def test_a_hard_dependency_that_cannot_start_is_not_forgiven(life):
    (spawn,) = life.add("hard", restart_policy=RestartPolicy(RestartWhen.NEVER))
    life.add("web", deps=(Dep("hard", Until.READY),))
    life.hear(SpawnFailed(spawn.id, spawn.run, "no such file"))

    assert life.blockers("web") == ["hard is down (no such file)"]


def test_a_milestone_is_lost_with_the_process_that_reached_it(life):
    check = Check(CheckKind.TCP, "x:1", failures=1)
    life.all_up(life.add("db", readiness=check, interval=0.0))
    life.pass_time(0)
    life.probed("db", "readiness", True)
    life.ends("db", exit=FAILED)

    assert life.add("web", deps=(Dep("db", Until.READY),)) == []


def test_a_dependency_that_does_not_exist_is_named(life):
    life.add("web", deps=(Dep("nowhere", Until.STARTED),))

    assert life.blockers("web") == ["nowhere does not exist"]


@pytest.mark.parametrize("required", [True, False])
def test_a_cycle_is_a_cycle_whatever_it_is_made_of(life, required):
    life.add("a", deps=(Dep("b", Until.STARTED, required=required),))
    life.add("b", deps=(Dep("c", Until.LOG_LINE, pattern="x"),))

    with pytest.raises(DependencyCycle, match="dependency cycle: c -> a -> b -> c"):
        life.add("c", deps=(Dep("a", Until.COMPLETED),))


def test_a_change_that_closes_a_cycle_is_refused_and_changes_nothing(life):
    life.add("a")
    life.add("b", deps=(Dep("a"),))

    with pytest.raises(DependencyCycle, match="a -> b -> a"):
        life.ask("update", replace(life.task("a").spec, deps=(Dep("b"),)))
    assert life.task("a").spec.deps == ()


def test_two_ways_to_the_same_task_are_no_cycle(life):
    life.add("a")
    life.add("b", deps=(Dep("a"),))
    life.add("c", deps=(Dep("a"), Dep("b")))

    life.ask("update", replace(life.task("a").spec, deps=(Dep("d"),)))
    assert life.add("d") != []


def test_a_stop_of_what_is_only_wanted_leaves_no_trace(life):
    life.add("a", enabled=False)
    life.add("b", deps=(Dep("a", Until.READY),))
    life.hear(Stop(life.replica("b").id))

    assert (life.state("b"), life.replica("b").run) == (State.DOWN, 0)

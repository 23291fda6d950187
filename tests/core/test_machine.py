"""The state table: complete, and each of its answers."""

import pytest
from msgspec.structs import replace

from proctor.core import events
from proctor.core.actions import KILL_PATIENCE
from proctor.core.commands import Kill, Signal, Spawn
from proctor.core.events import (
    Exited,
    Gone,
    Interrupt,
    Lost,
    Spawned,
    SpawnFailed,
    Start,
    Stop,
    Timeout,
    Unblocked,
)
from proctor.core.machine import TABLE, step
from proctor.core.model import Exit, Now, Replica, ReplicaId, Spec, State, TaskType

ID = ReplicaId("web", 0)
NOW = Now(mono=50.0, wall=1_000.0)
DAEMON = Spec("web", TaskType.DAEMON, "serve", interval=3.0, stop_timeout=10.0)
ONCE = Spec("web", TaskType.ONCE, "serve")
UP = Replica(ID, State.UP, wanted=True, run=7, pid=70, ticks=1, started=990.0, trigger="api")
STARTING = replace(UP, state=State.STARTING, pid=None, ticks=None)
STOPPING = replace(UP, state=State.STOPPING, asked=True, wanted=False, step=1, deadline=60.0)
FAILED_EXIT = Exit(code=1)
EVENT_TYPES = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type)
    and issubclass(kind, events.Event)
    and kind not in (events.Event, events.RunEvent, events.Probed)
]


def test_every_state_answers_every_event():
    assert set(TABLE) == set(State)
    for state, answers in TABLE.items():
        assert set(answers) == set(EVENT_TYPES), state


@pytest.mark.parametrize("state", State)
def test_only_waiting_spawns(state):
    r = replace(UP, state=state)
    for event in _all_events(r.run):
        commands = step(r, DAEMON, event, NOW)[1]
        if any(isinstance(command, Spawn) for command in commands):
            assert (state, type(event)) == (State.WAITING, Unblocked)


@pytest.mark.parametrize("state", [State.STARTING, State.UP, State.STOPPING, State.KILLING])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_state_with_a_process_is_left_only_on_news_that_there_is_none(state, wanted):
    r = replace(UP, state=state, wanted=wanted)
    for event in _all_events(r.run):
        after, _ = step(r, DAEMON, event, NOW)
        if not after.alive:
            assert isinstance(event, Exited | Gone | Lost | SpawnFailed)


@pytest.mark.parametrize("state", State)
def test_news_of_another_run_is_stale(state):
    r = replace(UP, state=state)
    for event in _all_events(run=6):
        if isinstance(event, events.RunEvent):
            assert step(r, DAEMON, event, NOW) == (r, [])


def test_start_makes_it_wait_and_unblocked_spawns_it():
    waiting, nothing = step(Replica(ID), ONCE, Start(ID, "api"), NOW)
    starting, commands = step(waiting, ONCE, Unblocked(ID, 7), NOW)

    assert (waiting.state, waiting.wanted, nothing) == (State.WAITING, True, [])
    assert (starting.state, starting.run, starting.started) == (State.STARTING, 7, NOW.wall)
    assert commands == [Spawn(ID, 7, ONCE)]


def test_a_daemon_that_dies_pauses_for_its_interval():
    after, commands = step(UP, DAEMON, Exited(ID, 7, FAILED_EXIT), NOW)

    assert (after.state, after.deadline, commands) == (State.BACKOFF, 53.0, [])
    assert (after.exit, after.reason) == (FAILED_EXIT, "exited 1")


def test_a_daemon_without_interval_waits_for_nothing():
    after, _ = step(UP, replace(DAEMON, interval=0.0), Exited(ID, 7, FAILED_EXIT), NOW)

    assert (after.state, after.deadline, after.restarts) == (State.WAITING, None, 1)


@pytest.mark.parametrize("exit", [Exit(code=0), FAILED_EXIT, Exit(signal=9)])
def test_a_once_task_is_not_started_again_however_it_ends(exit):
    after, commands = step(UP, ONCE, Exited(ID, 7, exit), NOW)

    assert (after.state, after.wanted, commands) == (State.DOWN, False, [])


def test_the_pause_ends_with_a_restart_that_is_counted():
    backoff, _ = step(UP, DAEMON, Exited(ID, 7, FAILED_EXIT), NOW)
    after, _ = step(backoff, DAEMON, Timeout(ID), NOW)

    assert (after.state, after.next_trigger, after.restarts) == (State.WAITING, "restart", 1)


def test_stop_signals_and_sets_the_deadline():
    after, commands = step(UP, DAEMON, Stop(ID), NOW)

    assert (after.state, after.wanted, after.deadline) == (State.STOPPING, False, 60.0)
    assert commands == [Signal(ID, 7, "TERM")]


def test_what_does_not_stop_in_time_is_killed_again_and_again():
    killing, commands = step(STOPPING, DAEMON, Timeout(ID), NOW)
    again, more = step(killing, DAEMON, Timeout(ID), NOW)

    assert (killing.state, killing.deadline) == (State.KILLING, NOW.mono + KILL_PATIENCE)
    assert commands == more == [Kill(ID, 7)]
    assert again.state is State.KILLING


def test_stopped_means_nothing_is_left():
    dead, _ = step(STOPPING, DAEMON, Exited(ID, 7, Exit(signal=15), left=True), NOW)
    down, _ = step(dead, DAEMON, Gone(ID, 7), NOW)

    assert (dead.state, dead.pid, dead.deadline) == (State.STOPPING, None, 60.0)
    assert (down.state, down.exit) == (State.DOWN, Exit(signal=15))


def test_what_a_process_leaves_behind_is_stopped_before_it_is_started_again():
    after, commands = step(UP, DAEMON, Exited(ID, 7, FAILED_EXIT, left=True), NOW)
    paused, _ = step(after, DAEMON, Gone(ID, 7), NOW)

    assert (after.state, after.asked, commands) == (State.STOPPING, False, [Signal(ID, 7, "TERM")])
    assert paused.state is State.BACKOFF


def test_a_start_during_the_stop_holds_for_afterwards_and_does_not_pause():
    restarting, _ = step(STOPPING, DAEMON, Start(ID, "restart"), NOW)
    after, _ = step(restarting, DAEMON, Exited(ID, 7, Exit(signal=15)), NOW)

    assert restarting.state is State.STOPPING
    assert (after.state, after.wanted) == (State.WAITING, True)


def test_a_stop_during_the_spawn_holds_when_it_comes_up():
    stopped, nothing = step(STARTING, DAEMON, Stop(ID), NOW)
    after, commands = step(stopped, DAEMON, Spawned(ID, 7, 70), NOW)

    assert (stopped.state, nothing) == (State.STARTING, [])
    assert (after.state, after.pid, commands) == (State.STOPPING, 70, [Signal(ID, 7, "TERM")])


def test_a_spawn_that_fails_for_good_ends_a_once_task_with_the_reason():
    after, _ = step(STARTING, ONCE, SpawnFailed(ID, 7, "no such file: foo"), NOW)

    assert (after.state, after.wanted, after.reason) == (State.DOWN, False, "no such file: foo")


def test_a_spawn_that_may_work_later_is_tried_again_even_for_a_once_task():
    after, _ = step(STARTING, ONCE, SpawnFailed(ID, 7, "fork: EAGAIN", transient=True), NOW)

    assert (after.state, after.wanted, after.deadline) == (State.BACKOFF, True, 53.0)


def test_a_spawn_that_never_reached_the_engine_is_asked_for_anew():
    after, _ = step(STARTING, ONCE, Lost(ID, 7), NOW)

    assert (after.state, after.wanted) == (State.WAITING, True)


def test_a_once_task_that_is_lost_while_up_is_not_run_again():
    after, _ = step(UP, ONCE, Lost(ID, 7, "lost"), NOW)

    assert (after.state, after.exit) == (State.DOWN, Exit(error="lost"))


def test_an_interrupt_leaves_a_daemon_wanted_and_a_once_task_done():
    daemon, _ = step(UP, DAEMON, Interrupt(ID), NOW)
    once, _ = step(UP, ONCE, Interrupt(ID), NOW)

    assert (daemon.state, daemon.wanted) == (State.STOPPING, True)
    assert (once.state, once.wanted) == (State.STOPPING, False)


def test_a_new_manager_sends_again_what_the_old_one_may_not_have_sent():
    killing = replace(STOPPING, state=State.KILLING)

    assert step(STOPPING, DAEMON, Spawned(ID, 7, 70), NOW)[1] == [Signal(ID, 7, "TERM")]
    assert step(killing, DAEMON, Spawned(ID, 7, 70), NOW)[1] == [Kill(ID, 7)]


def test_a_process_that_nobody_should_have_started_is_killed():
    down = replace(UP, state=State.DOWN, wanted=False)

    assert step(down, DAEMON, Spawned(ID, 7, 70), NOW) == (down, [Kill(ID, 7)])


def _all_events(run: int) -> list[events.Event]:
    return [
        Start(ID),
        Stop(ID),
        Interrupt(ID),
        Unblocked(ID, run),
        Timeout(ID),
        Spawned(ID, run, 70),
        SpawnFailed(ID, run, "no"),
        Exited(ID, run, FAILED_EXIT),
        Exited(ID, run, FAILED_EXIT, left=True),
        Gone(ID, run),
        Lost(ID, run),
    ]

"""The life of a replica: TABLE says what each state does with each event.

Rule 1: whatever changes a replica's state is in this file.
Rule 2: an action is a pure function of the replica, its spec, the event and the time.
Rule 3: a second process is never asked for while one may be alive: only WAITING spawns, and a
state in which something may be alive is left only when the engine says that nothing is.

`wanted` is what should be, the state is what is.  Start and Stop change `wanted`; what follows is
settled when the run at hand has ended.  (`Probed` is no event of a replica: the checks turn it into
Ready, Unready or Unhealthy.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .commands import Command, Kill, Signal, Spawn, StopCommand
from .events import (
    Event,
    Exited,
    Gone,
    Interrupt,
    Lost,
    Ready,
    RunEvent,
    Spawned,
    SpawnFailed,
    Start,
    Stepped,
    Stop,
    Timeout,
    Unblocked,
    Unhealthy,
    Unready,
)
from .model import Exit, Now, Replica, State
from .restart import Again, Done, GiveUp, after_end, counted, pause
from .spec import Spec, TaskType

SHORTEST_RETRY = 0.5
"""Seconds before a spawn that failed for want of something is tried again, at the least."""

KILL_PATIENCE = 5.0
"""Seconds between two requests to kill what does not die (a process in uninterruptible sleep)."""

NEVER_STARTED = Exit(error="never started")

Step = tuple[Replica, list[Command]]
Action = Callable[[Replica, Spec, Event, Now], Step]


def step(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Return the replica after the event, and what the engine has to do.

    News of another run than the current one is stale and changes nothing.
    """
    if isinstance(event, RunEvent) and event.run != r.run:
        return r, []
    after, commands = TABLE[r.state][type(event)](r, spec, event, now)
    if after.state is not r.state:
        after = after._replace(since=now.wall)
    return after, commands


# Actions.  What they are named after is what happened, not what they do about it.


def ignored(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return r, []


def wanted_from_rest(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Start)
    return _waiting(r._replace(restarts=0, starts=()), event.trigger), []


def wanted_still(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """It already runs, or will: a request to start what is being stopped holds for afterwards."""
    assert isinstance(event, Start)
    trigger = event.trigger if not r.wanted else r.trigger
    return r._replace(wanted=True, trigger=trigger), []


def unwanted_at_rest(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Stop)
    return r._replace(state=State.DOWN, wanted=False, deadline=None, reason=event.reason), []


def unwanted_while_starting(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """There is no pid to signal yet: `asked` makes its coming up the beginning of its stop."""
    assert isinstance(event, Stop)
    return r._replace(wanted=False, asked=True, reason=event.reason), []


def unwanted_while_ending(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Stop)
    return r._replace(wanted=False, asked=True, reason=event.reason), []


def unwanted_while_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Stop)
    return _stop(r._replace(wanted=False, reason=event.reason), spec, now)


def interrupted_while_starting(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Interrupt)
    return _interrupt(r, spec)._replace(asked=True, reason=event.reason), []


def interrupted_while_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Interrupt)
    return _stop(_interrupt(r, spec)._replace(reason=event.reason), spec, now)


def interrupted_pause(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Interrupt)
    return r._replace(state=State.WAITING, deadline=None, reason=event.reason), []


def may_begin(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Unblocked)
    begun = r._replace(
        state=State.STARTING,
        asked=False,
        run=event.run,
        pid=None,
        ticks=None,
        exit=None,
        deadline=None,
        started=now.wall,
        began=now.mono,
        starts=counted(r.starts, spec, now),
        reason="",
        ready=False,
        verdict="",
        step=0,
    )
    return begun, [Spawn(r.id, event.run, spec)]


def came_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Spawned)
    up = r._replace(
        state=State.UP,
        pid=event.pid,
        ticks=event.ticks,
        ready=spec.readiness is None and spec.startup is None,
        deadline=None if spec.timeout is None else now.mono + spec.timeout,
    )
    return _stop(up, spec, now) if r.asked else (up, [])


def found_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A new manager learns that the run goes on."""
    assert isinstance(event, Spawned)
    return r._replace(pid=event.pid, ticks=event.ticks), []


def found_stopping(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The old manager may have died between saving the stop and sending the signal."""
    assert isinstance(event, Spawned)
    found = r._replace(pid=event.pid, ticks=event.ticks)
    return found, _stop_commands(r, spec, r.step - 1)


def found_killing(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Spawned)
    return r._replace(pid=event.pid, ticks=event.ticks), [Kill(r.id, r.run)]


def unexpected(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A process that nobody should have started: it must not go on."""
    assert isinstance(event, Spawned)
    return r, [Kill(r.id, r.run)]


def not_spawned(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, SpawnFailed)
    failed = r._replace(exit=Exit(error=event.error))
    if event.transient and r.wanted:
        return _pause(failed, now, max(pause(spec, r.restarts, r.run), SHORTEST_RETRY)), []
    return _ended(failed, spec, now), []


def never_began(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The spawn never reached the engine (the manager died in between), so it is asked for anew."""
    if r.wanted and not r.asked:
        return r._replace(state=State.WAITING, pid=None, exit=NEVER_STARTED), []
    return _ended(r._replace(exit=NEVER_STARTED), spec, now), []


def died(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Its process ended.  What it left behind is stopped before anything else is done."""
    assert isinstance(event, Exited)
    dead = r._replace(exit=event.exit, pid=None)
    if not event.left:
        return _ended(dead, spec, now), []
    return _end(dead, spec, now)


def died_on_request(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The deadline goes on for what is left."""
    assert isinstance(event, Exited)
    dead = r._replace(exit=event.exit, pid=None)
    return (dead if event.left else _ended(dead, spec, now)), []


def nothing_left(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _ended(r._replace(pid=None, exit=r.exit or Exit()), spec, now), []


def lost(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Lost)
    return _ended(r._replace(pid=None, exit=r.exit or Exit(error=event.error)), spec, now), []


def out_of_time(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A run's own bound has passed, if it still has one."""
    if spec.timeout is None:
        return r._replace(deadline=None), []
    return _end(r._replace(verdict=f"timeout after {spec.timeout:g} s"), spec, now)


def out_of_patience(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _next_step(r, spec, now)


def kill_again(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return r._replace(deadline=now.mono + KILL_PATIENCE), [Kill(r.id, r.run)]


def stop_command_ended(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """What it did not stop gets the signals at once."""
    return _next_step(r, spec, now) if r.step == 1 else (r, [])


def became_ready(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return r._replace(ready=True, reason=""), []


def became_unready(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Unready)
    return r._replace(ready=False, reason=event.reason), []


def must_end(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """It failed without dying: it is ended, and the restart policy decides as after a failure."""
    assert isinstance(event, Unhealthy)
    return _end(r._replace(verdict=event.reason), spec, now)


def pause_over(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _waiting(r, "restart"), []


# What actions are made of.


def _waiting(r: Replica, trigger: str) -> Replica:
    return r._replace(state=State.WAITING, wanted=True, deadline=None, reason="", trigger=trigger)


def _interrupt(r: Replica, spec: Spec) -> Replica:
    """Only a daemon begins again: any other run is over when it is interrupted."""
    return r._replace(wanted=r.wanted and spec.type is TaskType.DAEMON)


def _stop(r: Replica, spec: Spec, now: Now) -> Step:
    """End the run because somebody asked for it."""
    return _end(r._replace(asked=True), spec, now)


def _end(r: Replica, spec: Spec, now: Now) -> Step:
    return _next_step(r._replace(state=State.STOPPING, step=0, ready=False), spec, now)


def _next_step(r: Replica, spec: Spec, now: Now) -> Step:
    """Take the next of the steps that end a run; the one behind the last is to kill."""
    commands = _stop_commands(r, spec, r.step)
    if not commands:
        killing = r._replace(state=State.KILLING, deadline=now.mono + KILL_PATIENCE)
        return killing, [Kill(r.id, r.run)]
    return r._replace(step=r.step + 1, deadline=now.mono + spec.stop_timeout), commands


def _stop_commands(r: Replica, spec: Spec, step: int) -> list[Command]:
    """Return what the step is: the stop command if there is one, then signal after signal."""
    if spec.stop_command is not None:
        if step == 0:
            return [StopCommand(r.id, r.run, spec)]
        step -= 1
    return [Signal(r.id, r.run, name) for name in spec.stop_signals[step : step + 1]]


def _pause(r: Replica, now: Now, seconds: float) -> Replica:
    return r._replace(
        state=State.BACKOFF, deadline=now.mono + seconds, ready=False, reason=str(r.exit)
    )


def _ended(r: Replica, spec: Spec, now: Now) -> Replica:
    """Nothing of the run is left: what next?"""
    exit = r.exit or Exit()
    if r.verdict:
        exit = replace(exit, error=r.verdict)
    over = r._replace(pid=None, ticks=None, exit=exit, deadline=None, ready=False)
    if not r.wanted:
        return over._replace(state=State.DOWN)
    if r.asked:
        return _waiting(over, r.trigger)
    match after_end(over, spec, now):
        case Again(seconds, restarts) if seconds > 0:
            return _pause(over, now, seconds)._replace(restarts=restarts)
        case Again(_, restarts):
            return _waiting(over, "restart")._replace(restarts=restarts)
        case GiveUp(reason):
            return over._replace(state=State.FAILED, wanted=False, reason=reason)
        case Done():
            return over._replace(state=State.DOWN, wanted=False, reason=str(exit))


# fmt: off
_REST: dict[type[Event], Action] = {
    Start:       wanted_from_rest,
    Stop:        unwanted_at_rest,
    Interrupt:   ignored,
    Unblocked:   ignored,
    Spawned:     unexpected,
    SpawnFailed: ignored,
    Ready:       ignored,
    Unready:     ignored,
    Unhealthy:   ignored,
    Stepped:     ignored,
    Exited:      ignored,
    Gone:        ignored,
    Lost:        ignored,
    Timeout:     ignored,
}

_ALIVE: dict[type[Event], Action] = {
    Start:       wanted_still,
    Stop:        unwanted_while_ending,
    Interrupt:   ignored,
    Unblocked:   ignored,
    Spawned:     found_up,
    SpawnFailed: ignored,
    Ready:       ignored,
    Unready:     ignored,
    Unhealthy:   ignored,
    Stepped:     ignored,
    Exited:      died_on_request,
    Gone:        nothing_left,
    Lost:        lost,
    Timeout:     ignored,
}

TABLE: dict[State, dict[type[Event], Action]] = {
    State.DOWN: _REST,
    State.FAILED: _REST,
    State.WAITING: _REST | {
        Start:       wanted_still,
        Unblocked:   may_begin,
    },
    State.BACKOFF: _REST | {
        Interrupt:   interrupted_pause,
        Timeout:     pause_over,
    },
    State.STARTING: _ALIVE | {
        Stop:        unwanted_while_starting,
        Interrupt:   interrupted_while_starting,
        Spawned:     came_up,
        SpawnFailed: not_spawned,
        Exited:      died,
        Lost:        never_began,
    },
    State.UP: _ALIVE | {
        Stop:        unwanted_while_up,
        Interrupt:   interrupted_while_up,
        Ready:       became_ready,
        Unready:     became_unready,
        Unhealthy:   must_end,
        Exited:      died,
        Timeout:     out_of_time,
    },
    State.STOPPING: _ALIVE | {
        Spawned:     found_stopping,
        Stepped:     stop_command_ended,
        Timeout:     out_of_patience,
    },
    State.KILLING: _ALIVE | {
        Spawned:     found_killing,
        Timeout:     kill_again,
    },
}
# fmt: on

"""The life of a replica: TABLE says what each state does with each event.

Rule 1: whatever changes a replica's state is in this file.
Rule 2: an action is a pure function of the replica, its spec, the event and the time.
Rule 3: a second process is never asked for while one may be alive: only WAITING spawns, and a
state in which something may be alive is left only when the engine says that nothing is.

`wanted` is what should be, the state is what is.  Start and Stop change `wanted`; what follows is
settled when the run at hand has ended.
"""

from __future__ import annotations

from collections.abc import Callable

from .commands import Command, Kill, Signal, Spawn
from .events import (
    Event,
    Exited,
    Gone,
    Interrupt,
    Lost,
    RunEvent,
    Spawned,
    SpawnFailed,
    Start,
    Stop,
    Timeout,
    Unblocked,
)
from .model import Exit, Now, Replica, State
from .restart import pause
from .spec import RestartWhen, Spec

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
    return _waiting(r._replace(restarts=0), event.trigger), []


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
        exit=None,
        deadline=None,
        started=now.wall,
        reason="",
    )
    return begun, [Spawn(r.id, event.run, spec)]


def came_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Spawned)
    up = r._replace(state=State.UP, pid=event.pid, ticks=event.ticks)
    return _stop(up, spec, now) if r.asked else (up, [])


def found_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A new manager learns that the run goes on."""
    assert isinstance(event, Spawned)
    return r._replace(pid=event.pid, ticks=event.ticks), []


def found_stopping(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The old manager may have died between saving the stop and sending the signal."""
    assert isinstance(event, Spawned)
    return r._replace(pid=event.pid, ticks=event.ticks), [Signal(r.id, r.run, spec.stop_signals[0])]


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
        return _pause(failed, spec, now), []
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
    asked, commands = _stop(dead, spec, now)
    return asked._replace(asked=r.asked), commands


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


def out_of_patience(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    killing = r._replace(state=State.KILLING, deadline=now.mono + KILL_PATIENCE)
    return killing, [Kill(r.id, r.run)]


def pause_over(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _waiting(r, "restart")._replace(restarts=r.restarts + 1), []


# What actions are made of.


def _waiting(r: Replica, trigger: str) -> Replica:
    return r._replace(state=State.WAITING, wanted=True, deadline=None, reason="", trigger=trigger)


def _interrupt(r: Replica, spec: Spec) -> Replica:
    """A run that is never repeated is over when it is interrupted."""
    return r._replace(wanted=r.wanted and spec.restart.when is not RestartWhen.NEVER)


def _stop(r: Replica, spec: Spec, now: Now) -> Step:
    stopping = r._replace(state=State.STOPPING, asked=True, deadline=now.mono + spec.stop_timeout)
    return stopping, [Signal(r.id, r.run, spec.stop_signals[0])]


def _pause(r: Replica, spec: Spec, now: Now) -> Replica:
    return r._replace(state=State.BACKOFF, deadline=now.mono + pause(spec), reason=str(r.exit))


def _ended(r: Replica, spec: Spec, now: Now) -> Replica:
    """Nothing of the run is left: what next?"""
    rest = r._replace(pid=None, deadline=None)
    if not r.wanted:
        return rest._replace(state=State.DOWN)
    if r.asked:
        return _waiting(rest, r.trigger)
    if spec.restart.when is RestartWhen.NEVER:
        return rest._replace(state=State.DOWN, wanted=False, reason=str(r.exit))
    if pause(spec) > 0:
        return _pause(rest, spec, now)
    return _waiting(rest, "restart")._replace(restarts=r.restarts + 1)


# fmt: off
_REST: dict[type[Event], Action] = {
    Start:       wanted_from_rest,
    Stop:        unwanted_at_rest,
    Interrupt:   ignored,
    Unblocked:   ignored,
    Spawned:     unexpected,
    SpawnFailed: ignored,
    Exited:      ignored,
    Gone:        ignored,
    Lost:        ignored,
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
    State.STARTING: {
        Start:       wanted_still,
        Stop:        unwanted_while_starting,
        Interrupt:   interrupted_while_starting,
        Unblocked:   ignored,
        Spawned:     came_up,
        SpawnFailed: not_spawned,
        Exited:      died,
        Gone:        nothing_left,
        Lost:        never_began,
        Timeout:     ignored,
    },
    State.UP: {
        Start:       wanted_still,
        Stop:        unwanted_while_up,
        Interrupt:   interrupted_while_up,
        Unblocked:   ignored,
        Spawned:     found_up,
        SpawnFailed: ignored,
        Exited:      died,
        Gone:        nothing_left,
        Lost:        lost,
        Timeout:     ignored,
    },
    State.STOPPING: {
        Start:       wanted_still,
        Stop:        unwanted_while_ending,
        Interrupt:   ignored,
        Unblocked:   ignored,
        Spawned:     found_stopping,
        SpawnFailed: ignored,
        Exited:      died_on_request,
        Gone:        nothing_left,
        Lost:        lost,
        Timeout:     out_of_patience,
    },
    State.KILLING: {
        Start:       wanted_still,
        Stop:        unwanted_while_ending,
        Interrupt:   ignored,
        Unblocked:   ignored,
        Spawned:     found_killing,
        SpawnFailed: ignored,
        Exited:      died_on_request,
        Gone:        nothing_left,
        Lost:        lost,
        Timeout:     out_of_patience,
    },
}
# fmt: on

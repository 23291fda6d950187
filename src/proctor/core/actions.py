"""What a replica does about an event: the actions that `machine.TABLE` names.

Rule 1: whatever changes a replica's state is in this file.
Rule 2: an action is a pure function of the replica, its spec, the event and the time.

They are named after what happened, not after what they do about it.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from .commands import Command, Kill, Signal, Spawn, StopCommand
from .events import (
    Event,
    Exited,
    Interrupt,
    Lost,
    Spawned,
    SpawnFailed,
    Start,
    Stop,
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
REBOOTED = Exit(error="lost: the machine was restarted")

RESTART = "restart"
"""The trigger of a run that follows one that ended unasked."""

Step = tuple[Replica, list[Command]]
Action = Callable[[Replica, Spec, Event, Now], Step]


def ignored(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return r, []


def wanted_from_rest(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Start)
    return _waiting(replace(r, restarts=0, starts=()), event.trigger), []


def wanted_still(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """It already runs, or will: a request to start what is being stopped holds for afterwards."""
    assert isinstance(event, Start)
    if r.wanted:
        return r, []
    return replace(r, wanted=True, next_trigger=event.trigger), []


def unwanted_at_rest(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Stop)
    return replace(r, state=State.DOWN, wanted=False, deadline=None, reason=event.reason), []


def unwanted_while_changing(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """It ends already; or there is no pid yet, and coming up will be the beginning of its stop."""
    assert isinstance(event, Stop)
    return replace(r, wanted=False, asked=True, reason=event.reason), []


def unwanted_while_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Stop)
    return _stop(replace(r, wanted=False, reason=event.reason), spec, now)


def interrupted_while_starting(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Interrupt)
    halted = _interrupt(r, spec)
    return replace(halted, asked=True, next_trigger=RESTART, reason=event.reason), []


def interrupted_while_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Interrupt)
    return _stop(replace(_interrupt(r, spec), reason=event.reason), spec, now)


def may_begin(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Unblocked)
    begun = replace(
        r,
        state=State.STARTING,
        since=now.wall,
        asked=False,
        run=event.run,
        revision=event.revision,
        trigger=r.next_trigger,
        pid=None,
        ticks=None,
        exit=None,
        deadline=None,
        started=now.wall,
        began=now.mono,
        starts=counted(r.starts, spec, now),
        reason="",
        booted=False,
        ready=False,
        verdict="",
        step=0,
    )
    return begun, [Spawn(r.id, event.run, spec)]


def came_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Spawned)
    up = replace(
        r,
        state=State.UP,
        since=now.wall,
        pid=event.pid,
        ticks=event.ticks,
        booted=spec.startup is None,
        ready=spec.readiness is None and spec.startup is None,
        deadline=None if spec.timeout is None else now.mono + spec.timeout,
    )
    return _stop(up, spec, now) if r.asked else (up, [])


def found_up(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A new manager learns that the run goes on."""
    assert isinstance(event, Spawned)
    return replace(r, pid=event.pid, ticks=event.ticks), []


def found_stopping(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The old manager may have died between saving the stop and sending the signal."""
    assert isinstance(event, Spawned)
    found = replace(r, pid=event.pid, ticks=event.ticks)
    return found, _stop_commands(r, spec, r.step - 1)


def found_killing(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Spawned)
    return replace(r, pid=event.pid, ticks=event.ticks), [Kill(r.id, r.run)]


def unexpected(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A process that nobody should have started: it must not go on."""
    assert isinstance(event, Spawned)
    return r, [Kill(r.id, r.run)]


def not_spawned(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, SpawnFailed)
    failed = replace(r, exit=Exit(error=event.error))
    if event.transient and r.wanted and not r.asked:
        # No run began, so none counts for the limit.
        uncounted = replace(failed, starts=r.starts[:-1], next_trigger=r.trigger)
        return _pause(uncounted, now, max(pause(spec, r.restarts, r.run), SHORTEST_RETRY)), []
    return _ended(failed, spec, now), []


def never_began(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The spawn never reached the engine (the manager died in between), so it is asked for anew."""
    if r.wanted and not r.asked:
        uncounted = replace(r, exit=NEVER_STARTED, starts=r.starts[:-1])
        return _waiting(uncounted, r.trigger), []
    return _ended(replace(r, exit=NEVER_STARTED), spec, now), []


def died(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Its process ended.  What it left behind is stopped before anything else is done."""
    assert isinstance(event, Exited)
    dead = replace(r, exit=event.exit, pid=None)
    if not event.left:
        return _ended(dead, spec, now), []
    return _end(dead, spec, now)


def died_on_request(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """The deadline goes on for what is left."""
    assert isinstance(event, Exited)
    dead = replace(r, exit=event.exit, pid=None)
    return (dead if event.left else _ended(dead, spec, now)), []


def nothing_left(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _ended(replace(r, pid=None, exit=r.exit or Exit()), spec, now), []


def lost(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Lost)
    return _ended(replace(r, pid=None, exit=r.exit or Exit(error=event.error)), spec, now), []


def out_of_time(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """A run's own bound has passed, if it still has one."""
    if spec.timeout is None:
        return replace(r, deadline=None), []
    return _end(replace(r, verdict=f"timeout after {spec.timeout:g} s"), spec, now)


def out_of_patience(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _next_step(r, spec, now)


def kill_again(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return replace(r, deadline=now.mono + KILL_PATIENCE), [Kill(r.id, r.run)]


def stop_command_ended(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """What it did not stop gets the signals at once."""
    return _next_step(r, spec, now) if r.step == 1 else (r, [])


def booted(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return replace(r, booted=True, ready=spec.readiness is None, reason=""), []


def became_ready(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return replace(r, ready=True, reason=""), []


def became_unready(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    assert isinstance(event, Unready)
    return replace(r, ready=False, reason=event.reason), []


def respecified(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """What a check once said holds until the check says otherwise, or is no more."""
    is_booted = r.booted or spec.startup is None
    after = replace(
        r,
        booted=is_booted,
        ready=r.ready or (is_booted and spec.readiness is None),
        deadline=None if spec.timeout is None else r.began + spec.timeout,
    )
    return after, []


def rebooted_at_rest(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Nothing that was reckoned on the old clock means anything; a pause is over."""
    after = replace(r, began=now.mono, starts=())
    return (_waiting(after, r.next_trigger) if r.state is State.BACKOFF else after), []


def rebooted(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Only a daemon begins again as if nothing were; any other run has failed."""
    asked = r.asked or spec.type is TaskType.DAEMON
    gone = replace(r, began=now.mono, starts=(), asked=asked, exit=r.exit or REBOOTED)
    return _ended(replace(gone, next_trigger="reboot"), spec, now), []


def must_end(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """It failed without dying: it is ended, and the restart policy decides as after a failure."""
    assert isinstance(event, Unhealthy)
    return _end(replace(r, verdict=event.reason), spec, now)


def pause_over(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    return _waiting(r, r.next_trigger), []


# What actions are made of.


def _waiting(r: Replica, trigger: str) -> Replica:
    return replace(
        r, state=State.WAITING, wanted=True, deadline=None, reason="", next_trigger=trigger
    )


def _interrupt(r: Replica, spec: Spec) -> Replica:
    """Only a daemon begins again: any other run is over when it is interrupted."""
    return replace(r, wanted=r.wanted and spec.type is TaskType.DAEMON)


def _stop(r: Replica, spec: Spec, now: Now) -> Step:
    """End the run because somebody asked for it."""
    return _end(replace(r, asked=True, next_trigger=RESTART), spec, now)


def _end(r: Replica, spec: Spec, now: Now) -> Step:
    return _next_step(replace(r, state=State.STOPPING, step=0, ready=False), spec, now)


def _next_step(r: Replica, spec: Spec, now: Now) -> Step:
    """Take the next of the steps that end a run; the one behind the last is to kill."""
    commands = _stop_commands(r, spec, r.step)
    if not commands:
        killing = replace(r, state=State.KILLING, deadline=now.mono + KILL_PATIENCE)
        return killing, [Kill(r.id, r.run)]
    return replace(r, step=r.step + 1, deadline=now.mono + spec.stop_timeout), commands


def _stop_commands(r: Replica, spec: Spec, step: int) -> list[Command]:
    """Return what the step is: the stop command if there is one, then signal after signal."""
    if spec.stop_command is not None:
        if step == 0:
            return [StopCommand(r.id, r.run, spec)]
        step -= 1
    return [Signal(r.id, r.run, name) for name in spec.stop_signals[step : step + 1]]


def _pause(r: Replica, now: Now, seconds: float) -> Replica:
    return replace(
        r, state=State.BACKOFF, deadline=now.mono + seconds, ready=False, reason=str(r.exit)
    )


def _ended(r: Replica, spec: Spec, now: Now) -> Replica:
    """Nothing of the run is left: what next?"""
    exit = r.exit or Exit()
    if r.verdict:
        exit = replace(exit, error=r.verdict)
    over = replace(r, pid=None, ticks=None, exit=exit, deadline=None, ready=False)
    if not r.wanted:
        return replace(over, state=State.DOWN)
    if r.asked:
        return replace(_waiting(over, r.next_trigger), restarts=0, starts=())
    match after_end(over, spec, now):
        case Again(seconds, restarts):
            again = replace(over, restarts=restarts, next_trigger=RESTART)
            if seconds > 0:
                return _pause(again, now, seconds)
            return replace(_waiting(again, RESTART), reason=str(exit))
        case GiveUp(reason):
            return replace(over, state=State.FAILED, wanted=False, reason=reason)
        case Done():
            return replace(over, state=State.DOWN, wanted=False, reason=str(exit))

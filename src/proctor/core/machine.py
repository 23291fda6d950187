"""The life of a replica: TABLE says what each state does with each event.

Rule: a second process is never asked for while one may be alive: only WAITING spawns, and a state
in which something may be alive is left only when the engine says that nothing is.

`wanted` is what should be, the state is what is.  Start and Stop change `wanted`; what follows is
settled when the run at hand has ended.  (`Probed` is no event of a replica: the checks turn it into
Booted, Ready, Unready or Unhealthy.)
"""

from __future__ import annotations

from msgspec.structs import replace

from .actions import (
    Action,
    Step,
    became_ready,
    became_unready,
    booted,
    came_up,
    died,
    died_on_request,
    found_killing,
    found_stopping,
    found_up,
    ignored,
    interrupted_while_starting,
    interrupted_while_up,
    kill_again,
    lost,
    may_begin,
    must_end,
    never_began,
    not_spawned,
    nothing_left,
    out_of_patience,
    out_of_time,
    pause_over,
    rebooted,
    rebooted_at_rest,
    respecified,
    stop_command_ended,
    unexpected,
    unwanted_at_rest,
    unwanted_while_changing,
    unwanted_while_up,
    wanted_from_rest,
    wanted_still,
)
from .events import (
    Booted,
    Event,
    Exited,
    Gone,
    Interrupt,
    Lost,
    Ready,
    Rebooted,
    Respecified,
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
from .model import Now, Replica, State
from .spec import Spec


def step(r: Replica, spec: Spec, event: Event, now: Now) -> Step:
    """Return the replica after the event, and what the engine has to do.

    News of another run than the current one is stale and changes nothing.
    """
    if isinstance(event, RunEvent) and event.run != r.run:
        return r, []
    after, commands = TABLE[r.state][type(event)](r, spec, event, now)
    if after.state is r.state and after.ready is r.ready:
        return after, commands
    ready_since = r.ready_since if after.ready and r.ready else now.wall if after.ready else None
    since = after.since if after.state is r.state else now.wall
    return replace(after, since=since, ready_since=ready_since), commands


# fmt: off
_REST: dict[type[Event], Action] = {
    Start:       wanted_from_rest,
    Stop:        unwanted_at_rest,
    Respecified: ignored,
    Rebooted:    rebooted_at_rest,
    Interrupt:   ignored,
    Unblocked:   ignored,
    Spawned:     unexpected,
    SpawnFailed: ignored,
    Booted:      ignored,
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
    Stop:        unwanted_while_changing,
    Respecified: ignored,
    Rebooted:    rebooted,
    Interrupt:   ignored,
    Unblocked:   ignored,
    Spawned:     found_up,
    SpawnFailed: ignored,
    Booted:      ignored,
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
        Timeout:     pause_over,
    },
    State.STARTING: _ALIVE | {
        Interrupt:   interrupted_while_starting,
        Spawned:     came_up,
        SpawnFailed: not_spawned,
        Exited:      died,
        Lost:        never_began,
    },
    State.UP: _ALIVE | {
        Stop:        unwanted_while_up,
        Interrupt:   interrupted_while_up,
        Respecified: respecified,
        Booted:      booted,
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

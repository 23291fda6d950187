"""The wire of the agenda: what fires when, of all tasks.  Times are unix seconds."""

from typing import Annotated

from msgspec import Meta, Struct

from .selection import Query
from .system import From
from .values import NO_NUL, ZoneName

Hours = Annotated[float, Meta(gt=0, le=24 * 31, description="How long the window is.")]
Glob = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]


class AgendaQuery(Query, frozen=True, rename={"from_": "from"}):
    """Which window, and of which tasks."""

    from_: From = None
    hours: Hours = 24.0
    task: Annotated[Glob, Meta(description="Only tasks whose names fit a glob.")] = "*"
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many fires of a task at most.")] = (
        100
    )
    tz: Annotated[
        ZoneName | None, Meta(description="An IANA zone whose clock changes are told, too.")
    ] = None


class AgendaFire(Struct, frozen=True):
    at: Annotated[float, Meta(description="Unix seconds, without the jitter.")]
    local: Annotated[
        str, Meta(description="In the task's zone.", examples=["2030-01-01T01:00:00+01:00"])
    ]


class AgendaTask(Struct, frozen=True):
    """A task with a schedule, and its fires in the window."""

    name: str
    cron: str | None
    at: Annotated[float | None, Meta(description="When it runs, if it runs once.")]
    words: Annotated[
        str | None, Meta(description="Its expression in words.", examples=["at 04:00 every day"])
    ]
    timezone: Annotated[str, Meta(description="An IANA zone, or `local`: the service's.")]
    enabled: bool
    overlap: str
    catch_up: str
    jitter: Annotated[float, Meta(description="Seconds by which a fire is put off at most.")]
    next_fire: Annotated[float | None, Meta(description="When it fires next.")]
    last_fire: Annotated[float | None, Meta(description="When it fired last.")]
    queued: Annotated[int, Meta(description="Fires that wait for the runs before.")]
    skipped: Annotated[int, Meta(description="Fires that were dropped.")]
    fires: list[AgendaFire]
    more: Annotated[bool, Meta(description="Whether there are more fires in the window.")]


class ClockChangeEntry(Struct, frozen=True):
    """Clocks go forward or back within the window."""

    zone: Annotated[str, Meta(examples=["Europe/Berlin"])]
    at: float
    seconds: Annotated[int, Meta(description="Forward; less than 0: back.", examples=[3600])]
    before: Annotated[str, Meta(description="Local time that ends, without its change.")]
    after: Annotated[str, Meta(description="Local time that begins.")]


class AgendaResponse(Struct, frozen=True, rename={"from_": "from"}):
    """What fires from `from` until `until`."""

    from_: float
    until: float
    timezone: Annotated[str, Meta(description="The service's zone: an IANA name, or `local`.")]
    tasks: list[AgendaTask]
    clock_changes: Annotated[
        list[ClockChangeEntry], Meta(description="In the zones of these tasks, and in `tz`.")
    ]

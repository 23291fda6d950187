"""/v1 on schedules: when an expression, or a task, fires next."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import partial

from proctor.core.errors import BadSpec
from proctor.core.schedules import open_moment
from proctor.core.spec import Spec
from proctor.manager import Manager

from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .examples import FIRES
from .oapi import Call, Group, Nothing, Operation
from .reply import Reply, json_reply
from .schemas.system import (
    FireEntry,
    FiresQuery,
    PreviewQuery,
    PreviewResponse,
    ScheduleResponse,
)
from .schemas.to_schedule import moment
from .selectors import know

LATEST = 253_402_300_799.0
"""The last second of the year 9999; calendars end there."""


async def preview(zone: str, call: Call[PreviewQuery, Nothing]) -> Reply:
    """`zone` is the service's, for who names none."""
    from proctor.core import cronwords, schedule, zones  # Loaded when they are needed.

    query = call.query
    try:
        cron = schedule.parse(query.cron, query.tz, zone)
    except BadSpec as error:
        raise BadSpec(str(error), field="tz" if error.field == "timezone" else "cron") from None
    fires = _fires(
        lambda after: schedule.next_fire(cron, after), start_of(query.from_), query.n, LATEST
    )
    entries = _entries(fires, zones.find_zone(cron.zone))
    words = cronwords.in_words(query.cron)
    return json_reply(PreviewResponse(query.cron, cron.zone, entries, words=words))


async def of_task(manager: Manager, zone: str, call: Call[FiresQuery, Nothing]) -> Reply:
    """Moments within a blackout are passed over, as the task does."""
    from proctor.core import zones

    spec, query = know(manager.world, call.path["name"]).spec, call.query
    named = spec.schedule.timezone or zone
    fires = fires_of(spec, zone, start_of(query.from_), query.n)
    entries = _entries(fires, zones.find_zone(named))
    return json_reply(ScheduleResponse(spec.schedule.cron, named, entries))


def fires_of(spec: Spec, zone: str, start: float, count: int, until: float = LATEST) -> list[float]:
    """Return the first `count` fires of a task's schedule after `start` and before `until`.

    `zone` is the service's.
    """
    from proctor.core import schedule

    def following(one: Spec, after: float) -> float | None:
        return schedule.next_fire(
            schedule.parse(one.schedule.cron or "", one.schedule.timezone, zone), after
        )

    at = spec.schedule.at
    if at is not None:
        return [at] if start < at < until else []
    if spec.schedule.cron is None or not spec.enabled:
        return []
    return _fires(lambda after: open_moment(spec, after, following), start, count, until)


def start_of(given: str | None) -> float:
    if given is None:
        return time.time()
    try:
        start = float(given)
    except ValueError:
        start = moment("from", given, time.time())
    if not 0 <= start < LATEST - 366 * 86_400:
        raise BadSpec("`from` is not valid: expected a moment from 1970 to 9998", field="from")
    return start


def _fires(
    next_fire: Callable[[float], float | None], start: float, count: int, until: float
) -> list[float]:
    fires: list[float] = []
    while len(fires) < count:
        found = next_fire(fires[-1] if fires else start)
        if found is None or found >= until:
            break
        fires.append(found)
    return fires


def _entries(fires: list[float], zone: tzinfo) -> list[FireEntry]:
    return [
        FireEntry(
            at,
            datetime.fromtimestamp(at, UTC).isoformat(),
            datetime.fromtimestamp(at, zone).isoformat(),
        )
        for at in fires
        if at < LATEST
    ]


def group(manager: Manager, zone: str) -> Group:
    """Return the operations on schedules; `zone` is the service's."""
    expression: Operation[PreviewQuery, Nothing] = Operation(
        method="GET",
        path="/v1/schedule/next",
        id="preview_schedule",
        tag="schedules",
        summary="Show when a cron expression fires next, and say it in words",
        handler=partial(preview, zone),
        query=PreviewQuery,
        returns=PreviewResponse,
        answer=FIRES | {"words": "at 04:00 every day"},
    )
    task: Operation[FiresQuery, Nothing] = Operation(
        method="GET",
        path="/v1/tasks/{name}/schedule",
        id="get_schedule",
        tag="schedules",
        summary="Show when a task fires next",
        handler=partial(of_task, manager, zone),
        query=FiresQuery,
        returns=ScheduleResponse,
        answer=FIRES,
        places={"name": "The task's name."},
        errors={404: "There is no such task."},
    )
    return Group((expression, task), problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

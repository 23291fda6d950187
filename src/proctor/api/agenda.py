"""/v1/agenda: what fires when in a window of time, of all tasks, and clock changes within it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from functools import partial

from proctor.core.errors import BadSpec
from proctor.core.model import Task
from proctor.core.zones import ClockChange, clock_changes, find_zone
from proctor.manager import Manager

from .errors import PROBLEM_JSON, ProblemDetails, problem_details
from .oapi import Call, Group, Nothing, Operation
from .reply import Reply, json_reply
from .schedule import LATEST, fires_of, start_of
from .schemas.agenda import (
    AgendaFire,
    AgendaQuery,
    AgendaResponse,
    AgendaTask,
    ClockChangeEntry,
)
from .selectors import visible


async def show(manager: Manager, zone: str, call: Call[AgendaQuery, Nothing]) -> Reply:
    """`zone` is the service's."""
    query = call.query
    start = start_of(query.from_)
    until = min(start + query.hours * 3600, LATEST)
    _check_zone(query.tz)
    tasks = [task for task in _scheduled(manager) if fnmatchcase(task.spec.name, query.task)]
    entries = []
    for task in tasks:
        entries.append(_entry(task, zone, start, until, query.limit))
        # Schedules are slow to look through; meanwhile the service has other things to do.
        await asyncio.sleep(0)
    named = {entry.timezone for entry in entries} | ({query.tz} if query.tz else set())
    changes = list(_changes(sorted(named), start, until))
    return json_reply(AgendaResponse(start, until, zone, entries, changes))


def _check_zone(name: str | None) -> None:
    try:
        find_zone(name or "local")
    except BadSpec as error:
        raise BadSpec(str(error), field="tz") from None


def _scheduled(manager: Manager) -> list[Task]:
    found = [manager.world.tasks[name] for name in visible(manager.world)]
    return [t for t in found if t.spec.schedule.cron is not None or t.spec.schedule.at is not None]


def _entry(task: Task, zone: str, start: float, until: float, limit: int) -> AgendaTask:
    from proctor.core.cronwords import in_words  # It loads the library of schedules.

    when = task.spec.schedule
    named = when.timezone or zone
    found = find_zone(named)
    fires = fires_of(task.spec, zone, start, limit + 1, until)
    return AgendaTask(
        name=task.spec.name,
        cron=when.cron,
        at=when.at,
        words=None if when.cron is None else in_words(when.cron),
        timezone=named,
        enabled=task.spec.enabled,
        overlap=when.overlap.value,
        catch_up=when.catch_up.value,
        jitter=when.jitter,
        next_fire=task.next_fire,
        last_fire=task.last_fire,
        queued=task.queued,
        skipped=task.skipped,
        fires=[
            AgendaFire(at, datetime.fromtimestamp(at, found).isoformat()) for at in fires[:limit]
        ],
        more=len(fires) > limit,
    )


def _changes(zones: Iterable[str], start: float, until: float) -> Iterable[ClockChangeEntry]:
    for name in zones:
        zone = find_zone(name)
        for change in clock_changes(zone, start, until):
            after = datetime.fromtimestamp(change.at, zone)
            yield ClockChangeEntry(
                name, change.at, change.seconds, _before(after, change), after.isoformat()
            )


def _before(after: datetime, change: ClockChange) -> str:
    """Return what clocks would show had they not been changed."""
    offset = (after.utcoffset() or timedelta()) - timedelta(seconds=change.seconds)
    return after.astimezone(timezone(offset)).isoformat()


EXAMPLE = {
    "from": 1893456000.0,
    "until": 1893542400.0,
    "timezone": "local",
    "tasks": [
        {
            "name": "backup",
            "cron": "0 4 * * *",
            "at": None,
            "words": "at 04:00 every day",
            "timezone": "Europe/Berlin",
            "enabled": True,
            "overlap": "skip",
            "catch_up": "none",
            "jitter": 0.0,
            "next_fire": 1893466800.0,
            "last_fire": None,
            "queued": 0,
            "skipped": 0,
            "fires": [{"at": 1893466800.0, "local": "2030-01-01T04:00:00+01:00"}],
            "more": False,
        }
    ],
    "clock_changes": [],
}


def group(manager: Manager, zone: str) -> Group:
    """Return the operation on the agenda."""
    operation = Operation(
        method="GET",
        path="/v1/agenda",
        id="get_agenda",
        tag="schedules",
        summary="Show what fires when, of all tasks, in a window of time",
        handler=partial(show, manager, zone),
        query=AgendaQuery,
        returns=AgendaResponse,
        answer=EXAMPLE,
    )
    return Group((operation,), problem_details, ProblemDetails, PROBLEM_JSON[1].decode())

"""When a task runs, from its request."""

import math
import re
from datetime import datetime

from proctor.core.errors import BadSchedule
from proctor.core.spec import Schedule

from .addresses import bad
from .task import TaskRequest
from .values import WireType

DEFAULT_CRON = "* * * * *"
CRON_ONLY = ("cron", "timezone", "overlap", "queue", "catch_up", "schedule_jitter", "blackouts")
BARE = TaskRequest(name="", type=WireType.ONCE, cmd="")
"""A request with nothing but defaults."""


def to_schedule(request: TaskRequest, kind: WireType, now: float) -> Schedule:
    _check_scheduled(request, kind)
    cron = request.cron
    if kind is WireType.CRON and cron is None and request.at is None:
        cron = DEFAULT_CRON
    if cron is not None:
        _check_cron(cron, request.timezone)
    for number, blackout in enumerate(request.blackouts):
        _check_blackout(f"blackouts[{number}].cron", blackout.cron, request.timezone)
    return Schedule(
        cron=cron,
        timezone=request.timezone,
        at=None if request.at is None else moment("at", request.at, now),
        overlap=request.overlap,
        queue=request.queue,
        catch_up=request.catch_up,
        jitter=request.schedule_jitter,
        blackouts=tuple((one.cron, one.seconds) for one in request.blackouts),
    )


def _check_scheduled(request: TaskRequest, kind: WireType) -> None:
    """Fields of the schedule make sense with type cron and scripts; `at` with all that ends."""
    if kind in (WireType.ONCE, WireType.DAEMON):
        for field in CRON_ONLY:
            if getattr(request, field) != getattr(BARE, field):
                raise bad(
                    field, f"expected only with type cron or a script, but type is {kind.value}"
                )
    if request.at is not None and kind is WireType.DAEMON:
        raise bad("at", "expected only with types that end, but type is daemon")
    if request.at is not None and request.cron is not None:
        raise bad("at", "expected either `at` or `cron`, got both")


def _check_cron(cron: str, timezone: str | None) -> None:
    """Raises BadSchedule, whose field is `cron` or `timezone`."""
    from proctor.core import schedule  # Its library is loaded when the first task needs it.

    schedule.parse(cron, timezone)


def _check_blackout(field: str, cron: str, timezone: str | None) -> None:
    try:
        _check_cron(cron, timezone)
    except BadSchedule as error:
        if error.field == "cron":
            raise BadSchedule(str(error), field=field) from None
        raise


_SPAN = r"\+([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def moment(field: str, given: float | str, now: float) -> float:
    """Return the wall seconds that a number, a span from now or a date means.  Raises BadSpec."""
    if not isinstance(given, str):
        return float(given)
    if span := re.fullmatch(_SPAN, given):
        return math.floor(now * 1000) / 1000 + float(span[1]) * _UNITS[span[2]]
    try:
        found = datetime.fromisoformat(given)
        if found.tzinfo is not None:
            return found.timestamp()
    except (ValueError, OverflowError):
        pass
    raise bad(
        field,
        f"expected unix seconds, RFC 3339 with its zone (2030-01-01T00:00:00Z) or +30s, +5m, +2h, "
        f"+1d, got {given!r}",
    )

"""When a cron expression fires.

The syntax is crontab(5)'s with cronsim's additions (`L`, `LW`, `5L`, `5#3`, a field of seconds in
front), and ours: the macros, `@reboot` among them, and ranges that wrap around (`22-3`,
`fri-mon`).  cronsim says which local times fit; what clock changes do to them is decided here, as
Debian's cron does it:

- a fixed time that a change skips fires once, right after the change; one that a change repeats
  fires the first time only;
- a schedule whose hour or minute begins with `*` follows real time: nothing in a skipped hour,
  and the repeated hour twice.

cronsim knows these rules too, but goes wrong where a change is no whole hour (Lord Howe Island)
or skips midnight, so it is given local times without a zone.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim, CronSimError
from msgspec import Struct

from . import cronfields
from .errors import BadSchedule
from .zones import LOCAL, find_zone

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
AT_START = "@reboot"
MAX_LENGTH = 1000


class Cron(Struct, frozen=True):
    """A schedule that is known to fire.

    `text` is as it was written and `zone` names its time zone.  `fields` is what cronsim gets:
    macros spelled out, ranges as lists; empty if the schedule fires at the start of the service
    only (`at_start`).  `wild`: it follows real time across clock changes.
    """

    text: str
    zone: str
    fields: str
    wild: bool = False
    at_start: bool = False


@lru_cache(maxsize=4096)
def parse(text: str, timezone: str | None = None, default_zone: str = LOCAL) -> Cron:
    """Return the schedule that `text` means in `timezone`, or in `default_zone` if that is None.

    Raises BadSchedule, whose `field` is "cron" or "timezone".
    """
    zone = default_zone if timezone is None else timezone
    find_zone(zone)
    if len(text) > MAX_LENGTH:
        raise _bad(text, f"longer than {MAX_LENGTH} characters")
    words = _spelled_out(text).split()
    if words == [AT_START]:
        return Cron(text, zone, "", at_start=True)
    if len(words) not in (5, 6):
        raise _bad(
            text,
            f"{len(words)} fields (expected 5: minute hour day month weekday; "
            "or 6, with seconds in front)",
        )
    kinds = cronfields.FIELDS[-len(words) :]
    try:
        fields = " ".join(map(cronfields.written_out, kinds, words))
    except cronfields.BadField as error:
        raise _bad(text, str(error)) from None
    if not _fires(fields):
        raise _bad(text, "day: no year has such a day, so it would never fire")
    return Cron(text, zone, fields, wild=any(word.startswith("*") for word in words[:-3]))


def next_fire(cron: Cron, after: float) -> float | None:
    """Return the first moment later than `after` at which `cron` fires; both epoch seconds.

    None for a schedule that fires at the start only.
    """
    if cron.at_start:
        return None
    # Fires are whole seconds; fromtimestamp would round what is close to the next one.
    now = datetime.fromtimestamp(math.floor(after), find_zone(cron.zone))
    starts = [now]
    if cron.wild and now.fold == 0 and _is_repeated(now):
        # The second time round may bring a fire before the rest of the first time does.
        starts.append(datetime.fromtimestamp(_change(now), now.tzinfo) - timedelta(seconds=1))
    return min(
        (moment for start in starts for moment in _moments(cron, start, after)), default=None
    )


def _moments(cron: Cron, start: datetime, after: float) -> Iterator[float]:
    """Yield the first fire that is later than `after`, looking at local times from `start` on."""
    for local in CronSim(cron.fields, start.replace(tzinfo=None)):
        for moment in _instants(local.replace(tzinfo=start.tzinfo), wild=cron.wild):
            if moment > after:
                yield moment
                return


def _instants(local: datetime, *, wild: bool) -> Iterator[float]:
    """Yield the epoch seconds at which a schedule that names `local` fires, the earliest first."""
    if _is_skipped(local):
        if not wild:
            yield _change(local)
        return
    yield local.timestamp()
    if wild and _is_repeated(local):
        yield local.replace(fold=1).timestamp()


def _is_skipped(local: datetime) -> bool:
    """Whether a clock change leaves `local` out (PEP 495: its later offset is the greater)."""
    return _offset(local, 0) < _offset(local, 1)


def _is_repeated(local: datetime) -> bool:
    return _offset(local, 0) > _offset(local, 1)


def _change(local: datetime) -> int:
    """Return the epoch second of the clock change that skips or repeats `local`."""
    low, high = sorted(int(local.replace(fold=fold).timestamp()) for fold in (0, 1))
    moments = range(low, high + 1)
    after = _offset_at(high, local.tzinfo)
    return moments[bisect_left(moments, 1, key=lambda t: _offset_at(t, local.tzinfo) == after)]


def _offset(local: datetime, fold: int) -> timedelta:
    return local.replace(fold=fold).utcoffset() or timedelta(0)


def _offset_at(moment: int, zone: tzinfo | None) -> timedelta:
    return datetime.fromtimestamp(moment, zone).utcoffset() or timedelta(0)


def _spelled_out(text: str) -> str:
    words = text.lower().split()
    if len(words) != 1 or not words[0].startswith("@") or words[0] == AT_START:
        return text.lower()
    if words[0] not in MACROS:
        raise _bad(text, f"no such macro (expected one of {' '.join([*MACROS, AT_START])})")
    return MACROS[words[0]]


def _fires(fields: str) -> bool:
    """Whether cronsim finds a date; any 50 years will do, as leap years recur within 40."""
    try:
        next(CronSim(fields, datetime(2000, 1, 1)))
    except (CronSimError, StopIteration):
        return False
    return True


def _bad(text: str, why: str) -> BadSchedule:
    return BadSchedule(f"cron expression {text[:100]!r}: {why}", field="cron")

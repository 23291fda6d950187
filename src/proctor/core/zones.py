"""Time zones by name: IANA names, and "local" for the machine's own.

The one place of the core that looks outside: zone rules are files, and which zone is local is
said by TZ and /etc/localtime.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, tzinfo
from functools import cache
from io import BytesIO
from os import environ
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from .errors import BadSchedule

LOCAL = "local"


def find_zone(name: str) -> tzinfo:
    """Return the zone of that name.  Raises BadSchedule (field "timezone") if there is none."""
    if name == LOCAL:
        return _local_zone()
    try:
        return _named(name)
    except ValueError:
        raise BadSchedule(
            f"there is no time zone named {name[:80]!r} (expected a name like Europe/Berlin)",
            field="timezone",
        ) from None


class ClockChange(Struct, frozen=True):
    """At `at` (epoch seconds) the clocks of a zone go forward by `seconds`, or back."""

    at: int
    seconds: int


_PROBE = 6 * 3600
"""No zone changes its clocks twice within so many seconds."""


def clock_changes(zone: tzinfo, start: float, end: float) -> list[ClockChange]:
    """Return the changes of the zone's clocks from `start` on, before `end`."""
    found: list[ClockChange] = []
    low = int(start)
    while low < end:
        high = low + _PROBE
        seconds = _offset(zone, high) - _offset(zone, low)
        if seconds:
            found.append(ClockChange(_change_between(zone, low, high), seconds))
        low = high
    return [change for change in found if change.at < end]


def _change_between(zone: tzinfo, low: int, high: int) -> int:
    """Return the first moment at which the offset is that of `high`."""
    after = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == after:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: tzinfo, at: int) -> int:
    """Return the seconds by which the zone's clocks are ahead of UTC."""
    delta = datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if delta is None else int(delta.total_seconds())


@cache
def _local_zone() -> tzinfo:
    """Return the zone that localtime(3) would use, TZ first.  Raises BadSchedule."""
    tz = environ.get("TZ")
    if tz is None:
        return _from_file(Path("/etc/localtime")) or UTC
    tz = tz.removeprefix(":")
    zone = UTC if tz == "" else _from_tz_variable(tz)
    if zone is None:
        raise BadSchedule(
            f"the service's own time zone, TZ={tz[:80]!r}, is not known here", field="timezone"
        )
    return zone


def _from_tz_variable(tz: str) -> tzinfo | None:
    if tz.startswith("/"):
        return _from_file(Path(tz))
    for way in (_named, _from_rule):
        try:
            return way(tz)
        except ValueError:
            continue
    return None


def _named(name: str) -> tzinfo:
    """Return the zone with an IANA name.  Raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:  # OSError: "America" is a directory; too long a name
        raise ValueError(name) from error


def _from_file(path: Path) -> tzinfo | None:
    """Return the zone that a TZif file holds, None if there is no such file, or none in it."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(path))
    except (OSError, ValueError):
        return None


def _from_rule(rule: str) -> tzinfo:
    """Return the zone of a POSIX rule like "CET-1CEST,M3.5.0,M10.5.0/3".  Raises ValueError.

    zoneinfo understands such rules only as the footer of a TZif file (RFC 9636, section 3.3), so
    it gets a file that has one local time type, no transition, and the rule.
    """
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 1)
    block = header + struct.pack(">lbb", 0, 0, 0) + b"\0"
    return ZoneInfo.from_file(BytesIO(block * 2 + b"\n" + rule.encode() + b"\n"), key=rule)

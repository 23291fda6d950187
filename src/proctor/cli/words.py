"""Durations, sizes and moments as people read them.  Pure."""

from __future__ import annotations

import datetime
import re

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def duration(seconds: float | None) -> str:
    """Return the two largest units: 350ms, 3.2s, 4m12s, 3h5m, 2d4h; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    left = round(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return "".join(parts)


def size(count: float | None) -> str:
    """Return bytes with a binary unit: 512B, 1.5K, 12M, 3.2G; "-" for None."""
    if count is None:
        return "-"
    value = float(count)
    for unit in "BKMGT":
        if value < 999.5 or unit == "T":
            break
        value /= 1024
    text = f"{value:.1f}" if value < 9.95 and unit != "B" else f"{value:.0f}"
    return f"{text.removesuffix('.0')}{unit}"


def parse_duration(text: str) -> float:
    """Return the seconds of "10m", "1h30m", "90" or "250ms".  Raises ValueError."""
    compact = text.strip().lower()
    if not compact:
        raise ValueError("expected a duration such as 10m, 1h30m or 90")
    seconds, at = 0.0, 0
    while at < len(compact):
        match = _DURATION.match(compact, at)
        if match is None or (match[2] is None and (at or match.end() < len(compact))):
            raise ValueError(f"{text!r} is not a duration (such as 10m, 1h30m or 90)")
        seconds += float(match[1]) * _SECONDS[match[2] or "s"]
        at = match.end()
    return seconds


def parse_moment(text: str, now: float) -> float:
    """Return wall seconds of "10m" (ago), "2026-11-24 12:00", "12:30" (the last one) or "@173…".

    A time without a zone is local.  Raises ValueError.
    """
    if text.startswith("@"):
        return float(text[1:])
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        clock = datetime.time.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is neither a duration ago (10m) nor a time (2026-11-24 12:00, 12:30)"
        raise ValueError(message) from None
    today = datetime.datetime.fromtimestamp(now).date()
    moment = datetime.datetime.combine(today, clock).timestamp()
    return moment if moment <= now else moment - 86_400


def moment(at: float | None, now: float) -> str:
    """Return local time: only the clock if it is within half a day, else the date too."""
    if at is None:
        return "-"
    local = datetime.datetime.fromtimestamp(at)
    if abs(at - now) < 43_200:
        return f"{local:%H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M:%S}"


def clock(at: float) -> str:
    """Return local time to the millisecond, for lines of a log."""
    return f"{datetime.datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"

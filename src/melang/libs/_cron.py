"""The next time a cron expression names, with the original's habits.

Rule: fields are taken one after the other, minute to weekday; each moves the
time forward to the nearest value it allows, counted from where it stands.  A
field that stands on an allowed value stays there if the time has moved already
(or the field has no step), else it moves by its step.
"""

from __future__ import annotations

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct",
           b"nov", b"dec")  # fmt: skip
_WEEKDAYS = (b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat")
_NICKNAMES = {
    b"@yearly": b"0 0 1 1 *",
    b"@annually": b"0 0 1 1 *",
    b"@monthly": b"0 0 1 * *",
    b"@weekly": b"0 0 * * 0",
    b"@daily": b"0 0 * * *",
    b"@midnight": b"0 0 * * *",
    b"@hourly": b"0 * * * *",
}
Time = tuple[int, int, int, int, int, int]  # year, month, day, hour, minute, second


class BadField(Exception):
    """The expression is none."""


def next_time(expression: bytes, now: int) -> int | None:
    """Return when `expression` fires next after `now`, in seconds; None if it is not valid."""
    if not 0 < len(expression) < 256:
        return None
    if expression[:1] == b"@":
        expression = _NICKNAMES.get(expression.replace(b"\t", b" ").split(b" ")[0].lower(), b"")
    fields = expression.replace(b"\t", b" ").split()
    if len(fields) < 5:
        return None
    month_names = {name: b"%d" % number for number, name in enumerate(_MONTHS, 1)}
    weekday_names = {name: b"%d" % number for number, name in enumerate(_WEEKDAYS)}
    try:
        return _walk(
            [*fields[:3], _numbers(fields[3], month_names), _numbers(fields[4], weekday_names)],
            now,
        )
    except BadField:
        return None


def _walk(fields: list[bytes], now: int) -> int:
    start = civil(now)
    year, month, day, hour, minute, second = start
    minute = _field(fields[0], minute, 0, 60, 60, 2, None)
    year, month, day, hour, minute, second = here = _carry(year, month, day, hour, minute, second)
    hour = _field(fields[1], hour, 0, 24, 24, 2, here > start)
    year, month, day, hour, minute, second = here = _carry(year, month, day, hour, minute, second)
    day = _field(fields[2], day, 1, 32, days_in(year, month), 2, here > start)
    year, month, day, hour, minute, second = here = _carry(year, month, day, hour, minute, second)
    month = _field(fields[3], month, 1, 13, 12, 2, here > start)
    year, month, day, hour, minute, second = here = _carry(year, month, day, hour, minute, second)
    weekday = (seconds(here) // 86400 + 4) % 7
    day += _field(fields[4], weekday, 0, 7, 7, 1, here > start) - weekday
    return seconds(_carry(year, month, day, hour, minute, second))


def _numbers(field: bytes, names: dict[bytes, bytes]) -> bytes:
    """Return the field with three-letter names replaced by numbers."""
    result = b""
    at = 0
    while at < len(field):
        number = names.get(field[at : at + 3].lower())
        result += number if number is not None else field[at : at + 1]
        at += 3 if number is not None else 1
    return result


def _field(
    field: bytes, now: int, low: int, end: int, turn: int, digits: int, moved: bool | None
) -> int:
    """Return the nearest allowed value from `now` on, beyond `end` for the next round.

    `moved` says whether the time has moved already; None is for the minute, for
    which `*` is the next one.
    """
    if field == b"*":
        return now + 1 if moved is None else now
    step = 0
    field, slash, tail = field.rpartition(b"/") if b"/" in field else (field, b"", b"")
    if slash:
        leading = tail[: len(tail) - len(tail.lstrip(b"0123456789"))]
        step = int(leading[:9] or b"0")
        if not 1 <= step < end:
            raise BadField
    best = 0  # 0 is "none yet", as in the original
    for part in _parts(field):
        if part.startswith(b"*"):
            best = now if moved else now + (step or 1)
            part = part[1:]
            if not part:
                continue
        for value in _values(part, low, end, digits):
            best = _nearer(best, value + turn if value < now else value, now, step, moved)
    return best


def _parts(field: bytes) -> list[bytes]:
    """Return the members of a list; it may end with a comma, but not have empty members."""
    parts = field.split(b",")
    if parts[-1] == b"":
        parts.pop()
    if not all(parts):
        raise BadField
    return parts


def _values(part: bytes, low: int, end: int, digits: int) -> list[int]:
    """Return the values of a number or a range; a range may wrap."""
    limits = []
    for text in part.split(b"-"):
        if not text.isdigit() or len(text) > digits:
            raise BadField
        value = 0 if end == 7 and text == b"7" else int(text)
        if not low <= value < end:
            raise BadField
        limits.append(value)
    first, last = limits[-2:] if len(limits) > 1 else limits * 2
    if first <= last:
        return list(range(first, last + 1))
    return [*range(first, end), *range(low, last + 1)]


def _nearer(best: int, value: int, now: int, step: int, moved: bool | None) -> int:
    """Return the better of the best value so far and another one."""
    stays = moved is True
    if not best:
        return now + step if value == now and not stays else value
    if value != now:
        return value if value < best else best
    if stays:
        return value
    if moved is None:
        return now + step if now < best else best
    return now + step if now + step < best else best


def civil(moment: int) -> Time:
    """Return the date and time in UTC of seconds since 1970."""
    days, rest = divmod(moment, 86400)
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + (3 if shifted < 10 else -9)
    year = year_of_era + era * 400 + (month <= 2)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60


def seconds(time: Time) -> int:
    """Return seconds since 1970 of a date and time in UTC."""
    year, month, day, hour, minute, second = time
    if month <= 2:
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return (era * 146097 + day_of_era - 719468) * 86400 + hour * 3600 + minute * 60 + second


def days_in(year: int, month: int) -> int:
    """Return the number of days of a month."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]


def _carry(year: int, month: int, day: int, hour: int, minute: int, second: int) -> Time:
    """Return the time with each field in its range."""
    hour, minute = hour + minute // 60, minute % 60
    day, hour = day + hour // 24, hour % 24
    if month > 12:
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    while day > days_in(year, month):
        day -= days_in(year, month)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return year, month, day, hour, minute, second

"""A cron expression in words: "at 04:30 from Monday to Friday".

Rule 1: whatever `schedule.parse` takes has words.  What is common reads as people say it; for the
rest the fields are named one by one, which is clumsy and right.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from .cronfields import MONTHS, WEEKDAYS
from .schedule import AT_START, MACROS

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
NTH = ("", "first", "second", "third", "fourth", "fifth")
MOST_TIMES = 6
"""More times of the day than that are not listed."""


def in_words(text: str) -> str:
    """Return when the expression fires; it has to be one that `schedule.parse` takes."""
    spelled = text.strip().lower()
    if spelled == AT_START:
        return "when the service starts"
    fields = MACROS.get(spelled, spelled).split()
    second = fields.pop(0) if len(fields) == 6 else "0"
    minute, hour, day, month, weekday = fields
    days = _days(day, weekday)
    time = _listed(second, minute, hour)
    if time:
        days = days or "every day"
    else:
        time = _often(second, minute, hour)
    return " ".join(part for part in (time, days, _months(month)) if part).rstrip(",")


# The time of the day.


def _often(second: str, minute: str, hour: str) -> str:
    if second in ("0", "00"):
        return _minutes(minute, hour)
    often = _every("second", second, 60) or f"at {_named('second', second)}"
    if minute == hour == "*":
        return often if often.startswith("every") else f"{often} of every minute"
    if minute == "*":
        return f"{often} of every minute{_within(hour)}"
    return f"{often} of {_named('minute', minute)} of {_named('hour', hour)}"


def _listed(second: str, minute: str, hour: str) -> str:
    """Return "at 04:30 and 16:30", if these are but a few moments."""
    numbers = [
        [int(n) for n in field.split(",") if n.isdigit()] for field in (hour, minute, second)
    ]
    whole = all(all(n.isdigit() for n in field.split(",")) for field in (second, minute, hour))
    times = sorted(set(product(*numbers))) if whole else []
    if not times or len(times) > MOST_TIMES:
        return ""
    exact = any(s for _, _, s in times)
    return "at " + _joined([f"{h:02}:{m:02}" + (f":{s:02}" if exact else "") for h, m, s in times])


def _minutes(minute: str, hour: str) -> str:
    often = _every("minute", minute, 60)
    if often:
        return often + _within(hour)
    if not minute.isdigit():
        return f"at {_named('minute', minute)} of {_named('hour', hour)}"
    past = int(minute)
    first, _, last = hour.partition("-")
    if first.isdigit() and last.isdigit():
        return f"every hour from {int(first):02}:{past:02} to {int(last):02}:{past:02}"
    hours = _every("hour", hour, 24)
    if not hours:
        return f"at {_named('minute', minute)} of {_named('hour', hour)}"
    if past == 0:
        return hours
    return f"at {past} minute{'s' if past > 1 else ''} past " + (
        "every hour" if hour == "*" else f"the hour {hours}"
    )


def _within(hour: str) -> str:
    """Return the hours in which something is frequent: " from 09:00 to 17:59"."""
    if hour == "*":
        return ""
    first, _, last = hour.partition("-")
    if first.isdigit() and (last or first).isdigit():
        return f" from {int(first):02}:00 to {int(last or first):02}:59"
    return f" of {_named('hour', hour)}"


def _every(unit: str, text: str, cycle: int) -> str:
    """Return "every 5 minutes" if that is what the field means: its step divides the cycle."""
    if text in ("*", "*/1"):
        return f"every {unit}"
    base, _, step = text.partition("/")
    if base in ("*", "0") and step.isdigit() and int(step) < cycle and cycle % int(step) == 0:
        return f"every {int(step)} {unit}s"
    return ""


# The day.


def _days(day: str, weekday: str) -> str:
    if weekday == "*":
        return "" if day == "*" else _month_days(day)
    if day == "*":
        return _weekdays(weekday)
    if day.startswith("*") or weekday.startswith("*"):  # crontab(5): then both have to fit.
        return f"{_month_days(day)}, {_weekdays(weekday)} only,"
    return f"{_month_days(day)} and {_weekdays(weekday)}"


def _month_days(text: str) -> str:
    special = {"l": "the last day", "lw": "the last working day"}
    words = [
        special.get(t) or _term(t, "day", lambda n: f"the {_th(int(n))}") for t in _terms(text)
    ]
    return f"on {_joined(words)} of the month"


def _weekdays(text: str) -> str:
    terms = _terms(text)
    if len(terms) == 1 and "-" in terms[0] and "/" not in terms[0]:
        return f"from {_term(terms[0], 'day', _weekday)}"
    return "on " + _joined(list(dict.fromkeys(map(_weekday_term, terms))))


def _weekday_term(term: str) -> str:
    day, mark, nth = term.partition("#")
    if mark:
        return f"the {NTH[int(nth)]} {_weekday(day)} of the month"
    if term[-1] == "l":
        return f"the last {_weekday(term[:-1])} of the month"
    if term.isdigit() or term in WEEKDAYS:
        return f"{_weekday(term)}s"
    return _term(term, "day of the week", _weekday)


def _months(text: str) -> str:
    if text == "*":
        return ""
    terms = _terms(text)
    words = _joined([_term(term, "month", _month) for term in terms])
    return f"from {words}" if len(terms) == 1 and "-" in text and "/" not in text else f"in {words}"


# Terms.


def _named(unit: str, text: str) -> str:
    """Return "minutes 5, 7 and 10 to 20", "every 7th minute", "hour 3"."""
    terms = _terms(text)
    words = _joined([_term(term, unit, lambda n: str(int(n))) for term in terms])
    if words.startswith("every"):
        return words
    return f"{unit} {words}" if len(terms) == 1 and "-" not in text else f"{unit}s {words}"


def _term(term: str, unit: str, name: Callable[[str], str]) -> str:
    base, slash, step = term.partition("/")
    first, dash, last = base.partition("-")
    span = f"{name(first)} to {name(last)}" if dash else ""
    if not slash or step.strip("0") == "1":
        if base == "*":
            return f"every {unit}"
        return span or name(base)
    every = f"every {_th(int(step))} {unit}"
    if base == "*":
        return every
    return f"{every} from {span}" if span else f"{every} from {name(base)} on"


def _terms(text: str) -> list[str]:
    return text.split(",")


def _weekday(text: str) -> str:
    return DAY_NAMES[WEEKDAYS.index(text) if text in WEEKDAYS else int(text) % 7]


def _month(text: str) -> str:
    return MONTH_NAMES[MONTHS.index(text) if text in MONTHS else int(text) - 1]


def _th(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

"""The fields of a cron expression: checked, and written out for cronsim.

Each term becomes a list of numbers, except for the forms that mean something else than a list:
`*` and `*/N` (a day field that begins with `*` is AND-ed with the other one, crontab(5)), and
cronsim's `L`, `LW`, `5L` and `5#3`.
"""

from __future__ import annotations

from msgspec import Struct

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class BadField(ValueError):
    """The message names the field and says what is wrong with it."""


class Field(Struct, frozen=True):
    """A field's numbers are from `low` to `high`; `names` are for the numbers from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.names:
            return self.low + self.names.index(text)
        if not (text.isascii() and text.isdigit()):
            raise self.bad(f"{text[:40]!r} is not a number{self._or_name()}")
        number = int(text) if len(text) < 10 else 10**9
        if not self.low <= number <= self.high:
            raise self.bad(f"{text[:40]} is not within {self.low}-{self.high}")
        return number

    def bad(self, why: str) -> BadField:
        return BadField(f"{self.name}: {why}")

    def _or_name(self) -> str:
        return f" or one of {' '.join(self.names)}" if self.names else ""


DAY = Field("day", 1, 31)
WEEKDAY = Field("weekday", 0, 7, WEEKDAYS)
FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    DAY,
    Field("month", 1, 12, MONTHS),
    WEEKDAY,
)


def written_out(field: Field, text: str) -> str:
    """Return `text`, in lower case, as cronsim takes it.  Raises BadField."""
    return ",".join(_term(field, term) for term in text.split(","))


def _term(field: Field, term: str) -> str:
    if term == "":
        raise field.bad("an empty term")
    if special := _special(field, term):
        return special
    base, slash, step_text = term.partition("/")
    step = _step(field, step_text) if slash else 1
    if base == "*":
        return term
    if "-" in base:
        numbers = _range(field, base, step)
    else:
        first = field.number(base)
        numbers = list(range(first, field.high + 1, step)) if slash else [first]
    return ",".join(str(number) for number in numbers)


def _special(field: Field, term: str) -> str | None:
    """Return the term if it is one of cronsim's own forms."""
    if field is DAY and term in ("l", "lw"):
        return term.upper()
    if field is WEEKDAY and "#" in term:
        day, _, nth = term.partition("#")
        if nth not in ("1", "2", "3", "4", "5"):
            raise field.bad(f"{nth[:40]!r} after # is not within 1-5")
        return f"{field.number(day)}#{nth}"
    if field is WEEKDAY and term[:-1].isdigit() and term.endswith("l"):
        return f"{field.number(term[:-1])}L"
    return None


def _step(field: Field, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:
        raise field.bad(f"the step {text[:40]!r} is not a number of at least 1")
    return int(text)


def _range(field: Field, text: str, step: int) -> list[int]:
    """Return the numbers of a range; one that ends before it begins wraps around."""
    first_text, _, last_text = text.partition("-")
    first, last = field.number(first_text), field.number(last_text)
    if field is not WEEKDAY:
        return _cycle(first, last, step, range(field.low, field.high + 1))
    if (first, last) == (0, 7):
        return list(range(0, 7, step))
    return _cycle(first % 7, last % 7, step, range(7))


def _cycle(first: int, last: int, step: int, numbers: range) -> list[int]:
    if first <= last:
        return list(range(first, last + 1, step))
    around = [*range(first, numbers.stop), *range(numbers.start, last + 1)]
    return around[::step]

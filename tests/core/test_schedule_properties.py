"""`next_fire` against a model that looks at every minute, as cron's own main loop does."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from proctor.core.errors import BadSchedule
from proctor.core.schedule import next_fire, parse

MINUTE = 60

CHANGES = {
    "America/New_York": ["2026-03-08 07:00", "2026-11-01 06:00", "2024-03-10 07:00"],
    "Europe/Berlin": ["2026-03-29 01:00", "2026-10-25 01:00", "2024-10-27 01:00"],
    "Europe/Riga": ["2026-03-29 01:00", "2026-10-25 01:00"],
    "Australia/Lord_Howe": ["2026-04-04 15:00", "2026-10-03 15:30", "2024-04-06 15:00"],
    "America/Sao_Paulo": ["2018-11-04 03:00", "2019-02-17 02:00"],
    "America/Havana": ["2026-03-08 05:00", "2026-11-01 05:00"],
    "UTC": ["2026-01-01 00:00"],
}
NEAR_A_CHANGE = [
    (zone, datetime.fromisoformat(f"{change}+00:00").timestamp())
    for zone, changes in CHANGES.items()
    for change in changes
]


def model(minutes: set[int], hours: set[int], zone: ZoneInfo, after: float, *, wild: bool) -> float:
    """Look at the minutes one by one until one fits; whole minutes of real time."""
    moment = int(after // MINUTE) * MINUTE
    while True:
        moment += MINUTE
        local = datetime.fromtimestamp(moment, zone)
        names = {(local.hour, local.minute)} if wild or not local.fold else set()
        if not wild:
            names |= skipped_before(moment, local, zone)
        if any(hour in hours and minute in minutes for hour, minute in names):
            return moment


def skipped_before(moment: int, local: datetime, zone: ZoneInfo) -> set[tuple[int, int]]:
    """Return the local (hour, minute) between this real minute and the one before it."""
    before = datetime.fromtimestamp(moment - MINUTE, zone).replace(tzinfo=None)
    names = set()
    skipped = before + timedelta(minutes=1)
    while skipped < local.replace(tzinfo=None):
        names.add((skipped.hour, skipped.minute))
        skipped += timedelta(minutes=1)
    return names


def field(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


hours = st.sets(st.sampled_from([0, 1, 2, 3, 4, 22, 23]), min_size=1)
minutes = st.sets(st.sampled_from([0, 1, 15, 20, 29, 30, 31, 45, 59]), min_size=1)
offsets = st.integers(-26 * 3600, 26 * 3600) | st.integers(-7300, 7300)


@given(st.sampled_from(NEAR_A_CHANGE), offsets, minutes, hours)
@settings(max_examples=400, deadline=None)
def test_fixed_times_fire_when_the_model_does(
    near: tuple[str, float], offset: int, minutes: set[int], hours: set[int]
) -> None:
    zone, change = near
    cron = parse(f"{field(minutes)} {field(hours)} * * *", zone)

    found = next_fire(cron, change + offset)

    assert found == model(minutes, hours, ZoneInfo(zone), change + offset, wild=False)


@given(st.sampled_from(NEAR_A_CHANGE), offsets, st.sampled_from([1, 7, 15, 20, 30, 59]), hours)
@settings(max_examples=400, deadline=None)
@example(("Australia/Lord_Howe", 1791041400.0), -1800, 20, {3})
def test_steps_of_minutes_fire_when_the_model_does(
    near: tuple[str, float], offset: int, step: int, hours: set[int]
) -> None:
    zone, change = near
    cron = parse(f"*/{step} {field(hours)} * * *", zone)

    found = next_fire(cron, change + offset)

    fitting = set(range(0, 60, step))
    assert found == model(fitting, hours, ZoneInfo(zone), change + offset, wild=True)


@given(st.sampled_from(NEAR_A_CHANGE), offsets, minutes)
@settings(max_examples=200, deadline=None)
def test_minutes_of_every_hour_fire_when_the_model_does(
    near: tuple[str, float], offset: int, minutes: set[int]
) -> None:
    zone, change = near
    cron = parse(f"{field(minutes)} * * * *", zone)

    found = next_fire(cron, change + offset)

    every_hour = set(range(24))
    assert found == model(minutes, every_hour, ZoneInfo(zone), change + offset, wild=True)


def term(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    base = st.one_of(
        number.map(str), st.just("*"), st.builds(lambda a, b: f"{a}-{b}", number, number)
    )
    step = st.one_of(st.just(""), st.integers(1, high).map(lambda n: f"/{n}"))
    return st.builds(lambda base, step: base + step, base, step)


def one_field(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(term(low, high), min_size=1, max_size=3).map(",".join)


expressions = st.builds(
    lambda *fields: " ".join(fields),
    one_field(0, 59),
    one_field(0, 23),
    one_field(1, 28),
    one_field(1, 12),
    one_field(0, 7),
)


@given(expressions, st.sampled_from(list(CHANGES)), st.floats(0, 4e9))
@settings(max_examples=300, deadline=None)
def test_fires_lie_ahead_and_none_is_left_out(expression: str, zone: str, after: float) -> None:
    cron = parse(expression, zone)

    first = next_fire(cron, after)
    assert first is not None
    assert first > after

    second = next_fire(cron, first)
    assert second is not None
    assert second > first
    # Wherever one asks between two fires, the answer is the second.
    assert next_fire(cron, (first + second) / 2) == second
    assert next_fire(cron, second - 1) == second


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_schedule_or_refused_as_one(text: str) -> None:
    assert wrong_field(text) in (None, "cron")


def wrong_field(text: str) -> str | None:
    try:
        parse(text, "UTC")
    except BadSchedule as error:
        return error.field
    return None

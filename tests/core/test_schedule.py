"""Which moments an expression means, what clock changes do to them, and what is refused."""

import os
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from proctor.core import zones
from proctor.core.errors import BadSchedule
from proctor.core.schedule import Cron, next_fire, parse


def at(text: str, zone: str) -> float:
    """Epoch seconds of a local time; a trailing "again" means its second time round."""
    local = text.removesuffix(" again")
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=local != text)
    return moment.timestamp()


def fires(cron: Cron, after: float) -> Iterator[float]:
    while True:
        moment = next_fire(cron, after)
        assert moment is not None
        assert moment > after
        yield moment
        after = moment


def first_fires(expression: str, after: str, count: int, zone: str) -> list[str]:
    """The next fires, written as `at` reads them, without the date if it is that of `after`."""
    return [
        written(moment, zone, after[:10])
        for moment in islice(fires(parse(expression, zone), at(after, zone)), count)
    ]


def written(moment: float, zone: str, day: str) -> str:
    local = datetime.fromtimestamp(moment, ZoneInfo(zone))
    text = local.strftime("%H:%M" if local.second == 0 else "%H:%M:%S")
    text += " again" if local.fold else ""
    return text if str(local.date()) == day else f"{local.date()} {text}"


NEW_YORK, BERLIN, RIGA = "America/New_York", "Europe/Berlin", "Europe/Riga"
LORD_HOWE, SAO_PAULO, HAVANA = "Australia/Lord_Howe", "America/Sao_Paulo", "America/Havana"

# fmt: off
CLOCK_CHANGES = [
    # A fixed time that is skipped runs once, right after the change.
    (NEW_YORK, "30 2 * * *", "2026-03-08 00:00", ["03:00", "2026-03-09 02:30"]),
    (NEW_YORK, "0,30 2 * * *", "2026-03-08 00:00", ["03:00", "2026-03-09 02:00"]),
    (NEW_YORK, "15 2,3 * * *", "2026-03-08 00:00", ["03:00", "03:15", "2026-03-09 02:15"]),
    (NEW_YORK, "0 3 * * *", "2026-03-08 00:00", ["03:00", "2026-03-09 03:00"]),
    (NEW_YORK, "30 2 * * *", "2024-03-10 00:00", ["03:00", "2024-03-11 02:30"]),
    (BERLIN, "30 2 * * *", "2026-03-29 00:00", ["03:00", "2026-03-30 02:30"]),
    (BERLIN, "59 2 31 3 *", "2024-03-31 00:00", ["03:00", "2025-03-31 02:59"]),
    (RIGA, "30 3 * * *", "2026-03-29 00:00", ["04:00", "2026-03-30 03:30"]),
    (RIGA, "30 3 * * *", "2024-03-31 00:00", ["04:00", "2024-04-01 03:30"]),
    (LORD_HOWE, "15 2 * * *", "2026-10-04 00:00", ["02:30", "2026-10-05 02:15"]),
    (LORD_HOWE, "0,45 2 * * *", "2024-10-06 00:00", ["02:30", "02:45", "2024-10-07 02:00"]),
    (SAO_PAULO, "0 0 * * *", "2018-11-03 12:00", ["2018-11-04 01:00", "2018-11-05 00:00"]),
    (SAO_PAULO, "30 0 4 11 *", "2018-11-01 00:00", ["2018-11-04 01:00", "2019-11-04 00:30"]),
    (SAO_PAULO, "@daily", "2018-11-03 12:00", ["2018-11-04 01:00", "2018-11-05 00:00"]),
    # A fixed time that is repeated runs the first time only.
    (NEW_YORK, "30 1 * * *", "2026-11-01 00:00", ["01:30", "2026-11-02 01:30"]),
    (NEW_YORK, "30 1 * * *", "2026-11-01 01:00 again", ["2026-11-02 01:30"]),
    (NEW_YORK, "30 1 * * *", "2026-11-01 01:45", ["2026-11-02 01:30"]),
    (NEW_YORK, "0,30 1,2 * * *", "2024-11-03 01:15", ["01:30", "02:00", "02:30"]),
    (BERLIN, "30 2 * * *", "2026-10-25 00:00", ["02:30", "2026-10-26 02:30"]),
    (BERLIN, "30 2 * * *", "2026-10-25 02:15 again", ["2026-10-26 02:30"]),
    (BERLIN, "30 2 * * *", "2024-10-27 00:00", ["02:30", "2024-10-28 02:30"]),
    (RIGA, "30 3 * * *", "2026-10-25 00:00", ["03:30", "2026-10-26 03:30"]),
    (RIGA, "30 3 27 10 *", "2024-10-27 03:29", ["03:30", "2025-10-27 03:30"]),
    (LORD_HOWE, "45 1 * * *", "2026-04-05 00:00", ["01:45", "2026-04-06 01:45"]),
    (LORD_HOWE, "0,45 1 * * *", "2024-04-07 00:00", ["01:00", "01:45", "2024-04-08 01:00"]),
    (SAO_PAULO, "30 23 * * *", "2019-02-16 12:00", ["23:30", "2019-02-17 23:30"]),
    (HAVANA, "0 0 * * *", "2026-10-31 12:00", ["2026-11-01 00:00", "2026-11-02 00:00"]),
    # What follows real time has nothing in the skipped hour ...
    (NEW_YORK, "*/30 * * * *", "2026-03-08 01:00", ["01:30", "03:00", "03:30"]),
    (NEW_YORK, "@hourly", "2026-03-08 00:30", ["01:00", "03:00", "04:00"]),
    (NEW_YORK, "*/20 2 * * *", "2026-03-08 00:00", ["2026-03-09 02:00", "2026-03-09 02:20"]),
    (NEW_YORK, "15 * * * *", "2024-03-10 01:00", ["01:15", "03:15"]),
    (BERLIN, "*/30 * * * *", "2026-03-29 01:30", ["03:00", "03:30"]),
    (RIGA, "30 */1 * * *", "2024-03-31 02:00", ["02:30", "04:30"]),
    (LORD_HOWE, "*/20 2-3 * * *", "2026-10-04 01:45", ["02:40", "03:00", "03:20", "03:40"]),
    (LORD_HOWE, "*/20 3 * * *", "2024-10-06 01:45", ["03:00", "03:20", "03:40"]),
    (SAO_PAULO, "0 * 4 11 *", "2018-11-03 12:00", ["2018-11-04 01:00", "2018-11-04 02:00"]),
    (SAO_PAULO, "* 0 4 11 *", "2018-11-03 12:00", ["2019-11-04 00:00"]),
    # ... and runs through the repeated one twice.
    (NEW_YORK, "*/30 * * * *", "2026-11-01 01:00", ["01:30", "01:00 again", "01:30 again"]),
    (NEW_YORK, "@hourly", "2024-11-03 00:30", ["01:00", "01:00 again", "02:00"]),
    (NEW_YORK, "*/20 1 * * *", "2026-11-01 01:40", ["01:00 again", "01:20 again", "01:40 again"]),
    (NEW_YORK, "30 * * * *", "2026-11-01 01:30 again", ["02:30", "03:30"]),
    (BERLIN, "*/30 2 * * *", "2026-10-25 02:30", ["02:00 again", "02:30 again"]),
    (RIGA, "*/30 3 * * *", "2024-10-27 03:30", ["03:00 again", "03:30 again", "2024-10-28 03:00"]),
    (LORD_HOWE, "*/15 * * * *", "2026-04-05 01:30", ["01:45", "01:30 again", "01:45 again"]),
    (LORD_HOWE, "*/20 3 * * *", "2026-04-05 01:45 again", ["03:00", "03:20", "03:40"]),
    (SAO_PAULO, "*/30 23 * * *", "2019-02-16 23:00", ["23:30", "23:00 again", "23:30 again"]),
    (HAVANA, "30 * * * *", "2026-10-31 23:30", ["2026-11-01 00:30", "2026-11-01 00:30 again"]),
    # A field of seconds changes none of it.
    (BERLIN, "9,40 30 2 * * *", "2026-10-25 00:00", ["02:30:09", "02:30:40"]),
    (BERLIN, "*/30 59 2 * * *", "2026-10-25 02:59", ["02:59:30", "02:59 again", "02:59:30 again"]),
]
# fmt: on


@pytest.mark.parametrize(("zone", "expression", "after", "expected"), CLOCK_CHANGES)
def test_clock_changes_are_met_as_debian_cron_meets_them(
    zone: str, expression: str, after: str, expected: list[str]
) -> None:
    assert first_fires(expression, after, len(expected), zone) == expected


# fmt: off
SAME = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
    (" @Daily ", "0 0 * * *"),
    ("0 22-3 * * *", "0 22,23,0,1,2,3 * * *"),
    ("0 22-3/2 * * *", "0 22,0,2 * * *"),
    ("50-10/5 * * * *", "50,55,0,5,10 * * * *"),
    ("0 0 30-2 * *", "0 0 30,31,1,2 * *"),
    ("0 0 1 nov-feb *", "0 0 1 11,12,1,2 *"),
    ("0 0 1 nov-feb/2 *", "0 0 1 11,1 *"),
    ("0 0 * * fri-mon", "0 0 * * 5,6,0,1"),
    ("0 0 * * 7-2", "0 0 * * 0-2"),
    ("0 0 * * sat-7", "0 0 * * 6,0"),
    ("0 0 * * 7-7", "0 0 * * 0"),
    ("0 0 * * 0-7", "0 0 * * *"),
    ("0 0 * * 7", "0 0 * * sun"),
    ("5/15 * * * *", "5,20,35,50 * * * *"),
    ("5-5/10 * * * *", "5 * * * *"),
    ("0 9-17/4 * * *", "0 9,13,17 * * *"),
    ("0 0 * JAN-Mar Mon,WED", "0 0 * 1-3 1,3"),
    ("0 0 * * *", "0 0 0 * * *"),
]
# fmt: on


@pytest.mark.parametrize(("written_so", "means"), SAME)
def test_two_ways_to_write_one_schedule_fire_alike(written_so: str, means: str) -> None:
    start = at("2026-02-20 13:07", "UTC")

    left, right = (list(islice(fires(parse(e, "UTC"), start), 50)) for e in (written_so, means))

    assert left == right


# fmt: off
DATES = [
    # Day of month and day of week are OR-ed, unless one of them begins with a star.
    ("0 0 13 * fri", ["2026-01-02", "2026-01-09", "2026-01-13", "2026-01-16"]),
    ("0 0 13 * *", ["2026-01-13", "2026-02-13"]),
    ("0 0 */2 * mon", ["2026-01-05", "2026-01-19", "2026-02-09"]),
    ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
    ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
    ("0 0 15,L * *", ["2026-01-15", "2026-01-31", "2026-02-15", "2026-02-28"]),
    ("0 0 * * 5L", ["2026-01-30", "2026-02-27"]),
    ("0 0 * * mon#2", ["2026-01-12", "2026-02-09"]),
    ("0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
    ("0 0 30 2 mon", ["2026-02-02", "2026-02-09"]),
]
# fmt: on


@pytest.mark.parametrize(("expression", "expected"), DATES)
def test_the_day_fields_name_these_dates(expression: str, expected: list[str]) -> None:
    found = first_fires(expression, "2026-01-01 12:00", len(expected), "UTC")

    assert found == [f"{day} 00:00" for day in expected]


def test_reboot_fires_at_the_start_only() -> None:
    cron = parse("@reboot", "UTC")

    assert cron.at_start
    assert next_fire(cron, 0.0) is None


def test_a_fire_is_later_than_the_moment_asked_about_by_however_little() -> None:
    cron = parse("* * * * *", "UTC")

    assert next_fire(cron, 60.0) == 120.0
    assert next_fire(cron, 59.0) == 60.0
    # datetime would round these to the next second, and the fire at its beginning were lost.
    just_before = 1_800_000_000 - 2.4e-7
    assert next_fire(cron, just_before) == 1_800_000_000
    assert next_fire(cron, 60.0001) == 120.0


def test_a_task_without_a_zone_has_the_services_zone() -> None:
    noon = parse("0 12 * * *", None, BERLIN)

    assert noon.zone == BERLIN
    assert next_fire(noon, at("2026-07-01 00:00", "UTC")) == at("2026-07-01 10:00", "UTC")


# fmt: off
REFUSED = [
    ("", "0 fields (expected 5"),
    ("* * * *", "4 fields (expected 5"),
    ("* * * * * * *", "7 fields (expected 5"),
    ("60 * * * *", "minute: 60 is not within 0-59"),
    ("-5 * * * *", "minute: '' is not a number"),
    ("1.5 * * * *", "minute: '1.5' is not a number"),
    ("٣ * * * *", "minute: '٣' is not a number"),
    ("x\0 * * * *", "minute: 'x\\x00' is not a number"),
    ("99999999999999999999 * * * *", "minute: 99999999999999999999 is not within 0-59"),
    ("1,,2 * * * *", "minute: an empty term"),
    ("*/0 * * * *", "minute: the step '0' is not a number of at least 1"),
    ("*/ * * * *", "minute: the step '' is not a number of at least 1"),
    ("*/x * * * *", "minute: the step 'x' is not a number of at least 1"),
    ("1/2/3 * * * *", "minute: the step '2/3' is not a number of at least 1"),
    ("1-2-3 * * * *", "minute: '2-3' is not a number"),
    ("** * * * *", "minute: '**' is not a number"),
    ("*-5 * * * *", "minute: '*' is not a number"),
    ("0 24 * * *", "hour: 24 is not within 0-23"),
    ("0 jan * * *", "hour: 'jan' is not a number"),
    ("0 0 0 * *", "day: 0 is not within 1-31"),
    ("0 0 32 * *", "day: 32 is not within 1-31"),
    ("0 0 ? * *", "day: '?' is not a number"),
    ("0 0 L/2 * *", "day: 'l' is not a number"),
    ("0 0 1 13 *", "month: 13 is not within 1-12"),
    ("0 0 1 january *", "month: 'january' is not a number or one of jan feb"),
    ("0 0 * * 8", "weekday: 8 is not within 0-7"),
    ("0 0 * * foo", "weekday: 'foo' is not a number or one of sun mon"),
    ("0 0 * * mon#6", "weekday: '6' after # is not within 1-5"),
    ("0 0 * * 9L", "weekday: 9 is not within 0-7"),
    ("0 0 * * ²L", "weekday: '²' is not a number"),
    ("61 * * * * *", "second: 61 is not within 0-59"),
    ("@never", "no such macro (expected one of @yearly"),
    ("@daily @daily", "2 fields"),
    ("0 0 30 2 *", "day: no year has such a day, so it would never fire"),
    ("0 0 31 4,6,9,11 *", "day: no year has such a day, so it would never fire"),
    ("0 0 */29 2 mon#5", "day: no year has such a day, so it would never fire"),
    ("1," * 501 + "1 * * * *", "longer than 1000 characters"),
]
# fmt: on


@pytest.mark.parametrize(("expression", "why"), REFUSED)
def test_a_bad_expression_is_refused_saying_which_field_and_why(expression: str, why: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        parse(expression, "UTC")

    assert caught.value.field == "cron"
    assert why in str(caught.value)
    assert str(caught.value).startswith("cron expression ")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "America", "../etc/passwd", "/etc/localtime", "A" * 300, "U\0"]
)
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule, match="there is no time zone named") as caught:
        parse("* * * * *", zone)

    assert caught.value.field == "timezone"


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    zones._local_zone.cache_clear()
    yield monkeypatch
    zones._local_zone.cache_clear()


@pytest.mark.parametrize(
    "tz",
    [
        "Europe/Berlin",
        ":Europe/Berlin",
        "/usr/share/zoneinfo/Europe/Berlin",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "UTC0",
        "",
    ],
)
def test_the_local_zone_is_the_one_that_libc_finds_in_tz(
    local_zone: pytest.MonkeyPatch, tz: str
) -> None:
    if tz.startswith("/") and not os.path.exists(tz):
        pytest.skip("no zone files here")
    local_zone.setenv("TZ", tz)
    time.tzset()
    try:
        zone = zones.find_zone("local")
        for moment in (1_782_000_000, 1_790_000_000, 1_800_000_000, 1_774_746_000 - 1):
            seconds = datetime.fromtimestamp(moment, zone).utcoffset()
            assert seconds is not None
            assert seconds.total_seconds() == time.localtime(moment).tm_gmtoff
    finally:
        local_zone.undo()
        time.tzset()


def test_without_tz_the_local_zone_is_that_of_the_machine(local_zone: pytest.MonkeyPatch) -> None:
    local_zone.delenv("TZ", raising=False)
    time.tzset()

    offset = datetime.fromtimestamp(1_790_000_000, zones.find_zone("local")).utcoffset()

    assert offset is not None
    assert offset.total_seconds() == time.localtime(1_790_000_000).tm_gmtoff


@pytest.mark.parametrize("tz", ["nowhere", "/nonexistent/zone", "Europe/Nowhere"])
def test_a_service_zone_that_is_none_is_refused(local_zone: pytest.MonkeyPatch, tz: str) -> None:
    local_zone.setenv("TZ", tz)

    with pytest.raises(BadSchedule, match="the service's own time zone") as caught:
        parse("1 1 1 1 *", "local")

    assert caught.value.field == "timezone"

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctor.cli.output import _fitting
from proctor.cli.words import duration, moment, parse_duration, parse_moment, size

NOON = datetime.datetime(2026, 11, 24, 12, 0).timestamp()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0ms"),
        (0.35, "350ms"),
        (0.9999, "1s"),
        (3.24, "3.2s"),
        (9.97, "10s"),
        (59.6, "1m"),
        (252, "4m12s"),
        (3600, "1h"),
        (11_100, "3h5m"),
        (3601, "1h"),
        (187_300, "2d4h"),
        (-5, "-5s"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0B"), (999, "999B"), (1000, "1K"), (1536, "1.5K"), (12 << 20, "12M")],
)
def test_a_size_has_a_binary_unit(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("10m", 600), ("1h30m", 5400), ("1h 30m", 5400), ("250ms", 0.25)],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "1x", "10 10", "-5", "1h30", "five"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("10m", 600),
        ("11:59:00", 60),
        ("13:00", 23 * 3600),
        ("2026-11-24 10:00", 7200),
        ("2026-11-24", 43_200),
        (f"@{NOON - 5}", 5),
    ],
)
def test_a_moment_is_a_duration_ago_or_a_time(text: str, ago: float) -> None:
    assert parse_moment(text, NOON) == NOON - ago


def test_a_moment_far_away_has_a_date() -> None:
    assert moment(NOON + 60, NOON) == "12:01:00"
    assert moment(NOON - 86_400, NOON) == "2026-11-23 12:00:00"
    assert moment(None, NOON) == "-"


@given(st.floats(0, 1e9))
def test_a_duration_that_is_shown_can_be_read_back(seconds: float) -> None:
    assert parse_duration(duration(seconds)) == pytest.approx(seconds, rel=0.05, abs=0.0006)


def test_on_a_narrow_terminal_the_widest_column_gives_way_but_not_the_last() -> None:
    assert _fitting([10, 70, 8, 200], 200) == [10, 70, 8, 200]
    assert _fitting([10, 70, 8, 200], 100) == [10, 56, 8, 200]
    assert _fitting([10, 70, 8, 5], 40) == [10, 20, 8, 5]
    assert _fitting([300], 80) == [300]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctor.core.cronwords import in_words
from proctor.core.errors import BadSchedule
from proctor.core.schedule import MACROS, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "every hour"),
        ("1 * * * *", "at 1 minute past every hour"),
        ("15 */6 * * *", "at 15 minutes past the hour every 6 hours"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 4 * * *", "at 04:30 every day"),
        ("30 4,16 * * *", "at 04:30 and 16:30 every day"),
        ("0 9-17 * * mon-fri", "every hour from 09:00 to 17:00 from Monday to Friday"),
        ("*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:59 from Monday to Friday"),
        ("* 3 * * *", "every minute from 03:00 to 03:59"),
        ("30 22-3 * * *", "every hour from 22:30 to 03:30"),
        ("*/7 * * * *", "at every 7th minute of every hour"),
        ("0 0 1 * *", "at 00:00 on the 1st of the month"),
        ("0 0 1,15 * *", "at 00:00 on the 1st and the 15th of the month"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 0 LW * *", "at 00:00 on the last working day of the month"),
        ("0 0 * * 5L", "at 00:00 on the last Friday of the month"),
        ("0 0 * * fri#3", "at 00:00 on the third Friday of the month"),
        ("0 0 * * 0,7", "at 00:00 on Sundays"),
        ("0 4 * jan *", "at 04:00 every day in January"),
        ("0 4 * 1-3 *", "at 04:00 every day from January to March"),
        ("0 4 * */3 *", "at 04:00 every day in every 3rd month"),
        ("0 4 13 * fri", "at 04:00 on the 13th of the month and on Fridays"),
        ("0 4 */2 * fri", "at 04:00 on every 2nd day of the month, on Fridays only"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("15 * * * * *", "at second 15 of every minute"),
        ("15 30 4 * * *", "at 04:30:15 every day"),
        ("*/10 * 9-17 * * *", "every 10 seconds of every minute from 09:00 to 17:59"),
        ("5,20,35-40 1-3 * * *", "at minutes 5, 20 and 35 to 40 of hours 1 to 3"),
        ("@reboot", "when the service starts"),
        (" @Weekly ", "at 00:00 on Sundays"),
    ],
)
def test_an_expression_is_said_in_words(text: str, words: str) -> None:
    assert in_words(text) == words


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_is_said_as_what_it_stands_for(macro: str) -> None:
    assert in_words(macro) == in_words(MACROS[macro])


def term(low: int, high: int, names: str = "") -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    base = st.one_of(
        st.just("*"),
        number,
        st.tuples(number, number).map("-".join),
        *([st.sampled_from(names.split())] if names else []),
    )
    step = st.integers(1, 99).map(lambda n: f"/{n}")
    return st.one_of(base, st.tuples(base, step).map("".join))


def field(low: int, high: int, names: str = "") -> st.SearchStrategy[str]:
    return st.lists(term(low, high, names), min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(
    st.one_of(st.none(), field(0, 59)),
    field(0, 59),
    field(0, 23),
    field(1, 31, "L LW"),
    field(1, 12, "jan dec"),
    field(0, 7, "mon sun 5L 2#3 fri#1"),
).map(lambda fields: " ".join(text for text in fields if text is not None))


@given(EXPRESSIONS)
def test_whatever_is_accepted_has_words(text: str) -> None:
    try:
        parse(text, "UTC")
    except BadSchedule:
        return

    words = in_words(text)

    assert words
    assert "  " not in words

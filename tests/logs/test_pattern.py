"""Expressions that take long are given up, and hold nobody up until then."""

from __future__ import annotations

from threading import Thread

import pytest

from proctor.core.errors import BadSpec
from proctor.logs.pattern import Pattern, TooSlow

LONG = b"x" * 300_000
SLOW = r"[a-z]+\d"


def test_it_finds_where_the_first_match_begins() -> None:
    assert Pattern("b+").find(b"aabbbc") == 2
    assert Pattern("b+").find(b"aabbbc", 3, 4) == 3
    assert Pattern("b+").find(b"aac") is None
    assert Pattern("^b").find(b"a\nb") is None
    assert Pattern("^b").multiline().find(b"a\nb") == 2
    assert Pattern("\u00e9").find("caf\u00e9".encode()) == 3


@pytest.mark.parametrize("text", ["(", "*", "[a", "a{99999999999}", "\\", "(" * 5000])
def test_what_is_no_expression_is_refused_by_field(text: str) -> None:
    with pytest.raises(BadSpec, match="`grep` is not valid: expected a regular expression") as info:
        Pattern(text, "grep")
    assert info.value.field == "grep"


def test_a_search_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TooSlow) as info:
        Pattern(SLOW, "grep", patience=0.05).find(LONG)
    assert info.value.field == "grep"


def test_others_run_while_it_searches() -> None:
    def look() -> None:
        with pytest.raises(TooSlow):
            pattern.find(LONG)

    pattern = Pattern(SLOW, patience=0.5)
    search, turns = Thread(target=look), 0
    search.start()
    while search.is_alive():
        turns += 1

    assert turns > 1000

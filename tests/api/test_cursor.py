"""The id of an event of a log says how far one has come, and nothing else is taken for one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from proctor.api.cursor import Cursor, Place, encode, parse
from proctor.core.model import ReplicaId

IDS = st.builds(
    ReplicaId, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]*", fullmatch=True), st.integers(0, 9999)
)
PLACES = st.builds(Place, st.integers(0, 10**17), st.tuples(st.integers(0, 10**17), st.booleans()))


@settings(deadline=None)
@given(st.floats(0, 10**10).map(lambda at: round(at, 6)), st.dictionaries(IDS, PLACES, max_size=5))
def test_what_was_written_is_read_again(since: float, places: dict[ReplicaId, Place]) -> None:
    found = parse(encode(since, places))

    assert found is not None
    assert abs(found.since - since) < 1e-5
    assert found.places == places


def test_it_is_text_that_fits_into_a_header() -> None:
    places = {ReplicaId("web", 0): Place(512, (17, True)), ReplicaId("api", 3): Place(90)}

    assert encode(5.5, places) == "5.500000,web:0@512.17.1,api:3@90.0.0"
    assert parse("5") == Cursor(5.0, {})


@settings(deadline=None)
@given(st.text())
def test_anything_else_is_refused(text: str) -> None:
    found = parse(text)

    assert found is None or parse(encode(found.since, found.places)) == found


def test_near_misses_are_refused() -> None:
    wrong = ("", "x", "-1", "1,", "1,web", "1,web:0", "1,web:0@1", "1,web:0@1.1.2", "1,web:x@1.1.1")

    assert not any(map(parse, (*wrong, "1" * 20, f"1,web:0@{'9' * 30}.1.1", "1,web:0@1.1.1\n")))

"""The index answers when and from which run, whatever its end looks like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proctor.logs.index import (
    RECORD_SIZE,
    Kind,
    Record,
    Records,
    behind,
    covering,
    encode,
    first_since,
    spans,
)

records_of_any = st.builds(
    Record,
    time=st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000),
    offset=st.integers(0, 2**63),
    run=st.integers(0, 2**63),
    kind=st.sampled_from(Kind),
    stream=st.integers(0, 1),
    lost=st.integers(0, 2**48 - 1),
)


@st.composite
def _rows(draw: st.DrawFn) -> list[Record]:
    """Records as a writer makes them: neither offsets nor times go back."""
    offsets = sorted(draw(st.lists(st.integers(0, 60), max_size=20)))
    times = sorted(draw(st.lists(st.integers(1, 60), min_size=len(offsets), max_size=20)))
    return [
        Record(float(time), offset, draw(st.integers(1, 3)))
        for time, offset in zip(times, offsets, strict=False)
    ]


rows = _rows()
UNKNOWN = Record(0.0, 0, 0)


def packed(records: list[Record]) -> bytes:
    return b"".join(map(encode, records))


@given(st.lists(records_of_any, max_size=8))
def test_records_are_read_as_they_were_written(written: list[Record]) -> None:
    found = Records(packed(written))

    assert [r.offset for r in found] == [r.offset for r in written]
    assert [found[i] for i in range(len(found))] == list(found)
    for record, wanted in zip(found, written, strict=True):
        assert abs(record.time - wanted.time) < 1e-5
        assert (record.run, record.kind, record.stream) == (wanted.run, wanted.kind, wanted.stream)
        assert record.lost == wanted.lost


@given(rows, st.integers(0, RECORD_SIZE - 1), st.integers(0, 3))
def test_a_torn_or_zeroed_end_is_not_there(written: list[Record], torn: int, zeros: int) -> None:
    spoilt = packed(written) + bytes(RECORD_SIZE * zeros) + packed([UNKNOWN])[:torn]

    assert list(Records(spoilt)) == written


@given(rows, st.integers(0, 70))
def test_the_record_of_a_byte_is_the_last_that_begins_at_it_or_before(
    row: list[Record], offset: int
) -> None:
    wanted = [i for i, record in enumerate(row) if record.offset <= offset]

    assert covering(Records(packed(row)), offset) == (wanted[-1] if wanted else -1)


@given(rows, st.integers(0, 70))
def test_the_first_since_a_time_is_found(row: list[Record], time: int) -> None:
    wanted = [i for i, record in enumerate(row) if record.time >= time]

    assert first_since(Records(packed(row)), time) == (wanted[0] if wanted else len(row))


@given(rows, st.integers(0, 70), st.integers(0, 70))
def test_spans_name_the_record_of_each_byte_without_a_gap(
    row: list[Record], start: int, stop: int
) -> None:
    found = list(spans(Records(packed(row)), start, stop, UNKNOWN))

    at = start
    for span in found:
        assert span.start == at
        assert span.stop > at
        for offset in range(span.start, span.stop):
            position = covering(row, offset)
            assert span.record == (row[position] if position >= 0 else UNKNOWN)
        at = span.stop
    assert at == max(start, stop)


@given(rows, st.integers(0, 70))
def test_the_index_of_a_new_segment_says_the_same_of_its_bytes(
    row: list[Record], begin: int
) -> None:
    cut = behind(row, begin)

    for offset in range(begin, 70):
        here, there = covering(cut, offset), covering(row, offset)
        assert (here < 0) == (there < 0)
        if here >= 0:
            assert (cut[here].time, cut[here].run) == (row[there].time, row[there].run)
    assert all(record.offset >= begin for record in cut)

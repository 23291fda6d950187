"""Pages of logs: whatever way one goes through them, nothing is missing and nothing comes twice."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor.api import logpage
from proctor.api.cursor import Place
from proctor.api.logpage import Log, Page, at_begin, at_end, at_share, at_time, backwards, forwards
from proctor.core.model import ReplicaId
from proctor.logs.index import Record
from proctor.logs.lines import Line
from proctor.logs.markers import Marker
from proctor.logs.pattern import Pattern
from proctor.logs.search import Wanted
from tests.logs.support import lay

ALL = Wanted()
WEB, DB = ReplicaId("web", 0), ReplicaId("db", 0)
Written = Sequence[tuple[int, float, int]]


def laid(root: Path, id: ReplicaId, written: Written) -> Log:
    """Put lines on file, given by run, time and length each, with the markers of their runs."""
    text, records, marks = b"", [], []
    for number, (run, time, length) in enumerate(written):
        records.append(Record(time, len(text), run))
        text += b"%b %d %b\n" % (id.task.encode(), number, b"x" * length)
    for run in sorted({run for run, _, _ in written}):
        times = [time for other, time, _ in written if other == run]
        marks += [Marker(run, False, times[0], "up"), Marker(run, True, times[-1], "down")]
    if text:
        lay(root, id, 0, text, records)
    return Log(id, 0, len(text), tuple(marks))


def shown(page: Page) -> list[str]:
    return [
        step.one.text.decode().rstrip()
        if isinstance(step.one, Line)
        else f"{step.id.task} {step.one.text} {step.one.run}"
        for step in page.steps
    ]


def walk(root: Path, logs: Sequence[Log], back: bool, wanted: Wanted, limit: int) -> list[str]:
    """Return all that pages show, one after another, in the order of time."""
    at: Mapping[ReplicaId, Place] = at_end(root, logs) if back else at_begin(logs)
    pages: list[list[str]] = []
    for _ in range(2000):
        if back:
            page = backwards(root, logs, at, wanted, limit)
            at, before = page.before, at
            pages.insert(0, shown(page))
        else:
            page = forwards(root, logs, at, wanted, limit)
            at, before = page.after, at
            pages.append(shown(page))
        assert len(page.steps) <= limit
        if at == before:
            return [line for page in pages for line in page]
    raise AssertionError("it does not end")


def runs(first: int) -> st.SearchStrategy[Written]:
    line = st.tuples(
        st.integers(first, first + 3), st.integers(0, 40).map(float), st.sampled_from([0, 10, 900])
    )
    return st.lists(line, max_size=25).map(
        lambda lines: list(
            zip(
                sorted(run for run, _, _ in lines),
                sorted(time + 1 for _, time, _ in lines),
                [length for _, _, length in lines],
                strict=True,
            )
        )
    )


@settings(deadline=None, max_examples=30)
@given(runs(1), runs(11), st.integers(1, 7), st.booleans())
def test_pages_have_all_in_order_both_ways(
    web: Written, db: Written, limit: int, filtered: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # So that a page is bounded by bytes as well as by lines.
        for name in ("BYTES", "BYTES_FILTERED", "LEAST"):
            patch.setattr(logpage, name, 600)
        root = Path(folder)
        logs = [laid(root, WEB, web), laid(root, DB, db)]
        wanted = Wanted(grep=Pattern(" [0-9]*[05] ")) if filtered else ALL
        if filtered:
            logs = [Log(log.id, log.first, log.stop) for log in logs]

        there = walk(root, logs, False, wanted, limit)
        back = walk(root, logs, True, wanted, limit)

    for name, written in (("web", web), ("db", db)):
        lines = [f"{name} {n} {'x' * length}".rstrip() for n, (_, _, length) in enumerate(written)]
        if filtered:
            lines = [line for n, line in enumerate(lines) if n % 5 == 0]
        for found in (there, back):
            own = [line for line in found if line.startswith(name + " ")]
            assert [line for line in own if "up" not in line and "down" not in line] == lines
            marks = [line for line in own if "up" in line or "down" in line]
            known = [] if filtered else sorted({run for run, _, _ in written})
            assert marks == [f"{name} {what} {run}" for run in known for what in ("up", "down")]


def test_of_several_logs_a_page_covers_the_same_time(tmp_path: Path) -> None:
    busy = laid(tmp_path, WEB, [(1, 100.0 + n / 10, 300) for n in range(2000)])
    quiet = laid(tmp_path, DB, [(2, 90.0, 0), (2, 150.0, 0), (2, 299.0, 0)])
    logs = [busy, quiet]

    page = backwards(tmp_path, logs, at_end(tmp_path, logs), ALL, 5000)

    assert "db 2" in shown(page)
    assert "db 1" not in shown(page)
    times = [step.key for step in page.steps]
    assert times == sorted(times)
    earlier = backwards(tmp_path, logs, page.before, ALL, 5000)
    assert earlier.steps[-1].key <= times[0]


def test_a_share_of_the_bytes_is_found_in_one_log_and_in_several(tmp_path: Path) -> None:
    web = laid(tmp_path, WEB, [(1, 1000.0 + n, 20) for n in range(1000)])
    db = laid(tmp_path, DB, [(2, 1000.5 + n, 20) for n in range(1000)])

    alone = forwards(tmp_path, [web], at_share(tmp_path, [web], 0.5), ALL, 1)
    both = forwards(tmp_path, [web, db], at_share(tmp_path, [web, db], 0.25), ALL, 1)

    assert abs(int(shown(alone)[0].split()[1]) - 500) < 12
    assert abs(int(shown(both)[0].split()[1]) - 250) < 12
    assert at_share(tmp_path, [web, db], 0) == at_begin([web, db])
    assert at_share(tmp_path, [web, db], 1) == at_end(tmp_path, [web, db])


def test_a_match_is_found_with_a_place_that_suits_all_logs(tmp_path: Path) -> None:
    web = laid(tmp_path, WEB, [(1, 1000.0 + n, 20) for n in range(1000)])
    db = laid(tmp_path, DB, [(2, 1000.5 + n, 20) for n in range(1000)])
    plain = [Log(log.id, 0, log.stop) for log in (web, db)]
    wanted = Wanted(grep=Pattern("web (400|900) "))

    found = forwards(tmp_path, plain, at_begin(plain), wanted, 1)
    assert shown(found)[0].startswith("web 400 ")
    around = backwards(tmp_path, [web, db], found.after, ALL, 3)
    assert [line[:7] for line in shown(around)] == ["web 399", "db 399 ", "web 400"]

    found = backwards(tmp_path, plain, at_end(tmp_path, plain), wanted, 1)
    assert shown(found)[0].startswith("web 900 ")
    around = forwards(tmp_path, [web, db], found.before, ALL, 2)
    assert [line[:7] for line in shown(around)] == ["web 900", "db 900 "]


def test_a_moment_has_its_place_also_among_runs_that_wrote_nothing(tmp_path: Path) -> None:
    marks = tuple(Marker(run, ends, 10.0 * run + ends, "") for run in (1, 2, 3) for ends in (0, 1))
    silent = Log(WEB, 0, 0, marks)

    assert at_time(tmp_path, silent, 21.0) == Place(0, (2, False))
    page = forwards(tmp_path, [silent], {WEB: at_time(tmp_path, silent, 21.0)}, ALL, 10)
    assert [step.one.run for step in page.steps] == [2, 3, 3]


def test_a_line_longer_than_a_page_comes_whole(tmp_path: Path) -> None:
    log = laid(tmp_path, WEB, [(1, 1.0, 10), (1, 2.0, 700_000), (1, 3.0, 10)])

    for back in (False, True):
        assert [len(line) for line in walk(tmp_path, [log], back, ALL, 100)][2] > 700_000

"""What becomes of old segments: compressed, read all the same, and dropped for their age."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from proctor.core.model import ReplicaId
from proctor.logs import files, pack, reader
from proctor.logs.index import Record
from proctor.logs.lines import lines
from proctor.logs.packer import FAILED, Packer
from proctor.logs.pattern import Pattern
from proctor.logs.rotation import Limits, Segment
from proctor.logs.search import Source, Wanted, search
from proctor.logs.upkeep import Fate, Lot, judged
from proctor.logs.writer import LogWriter

from .support import DEADLINE, WEB, content_of, lay, put_all, wait_until

SMALL = Limits(segment=100_000, replica=1 << 30)


def old_log(root: Path, parts: int = 4, size: int = 60_000, id: ReplicaId = WEB) -> bytes:
    """Lay a log of several segments that were written an hour ago, a run each; return its bytes."""
    whole, start = b"", 0
    for run in range(1, parts + 1):
        content = b"".join(b"%d of run %d\n" % (n, run) for n in range(size // 12))
        record = Record(time.time() - 3600 + run, start, run)
        path = lay(root, id, start, content, [record])
        os.utime(path, (time.time() - 3590, time.time() - 3590))
        whole, start = whole + content, start + len(content)
    return whole


def names(root: Path, id: ReplicaId = WEB) -> list[str]:
    folder = root / id.task / str(id.index)
    return sorted(name for name in os.listdir(folder) if not name.endswith(".idx"))


def tended(root: Path, limits: Limits = SMALL) -> LogWriter:
    """Return a writer that looks after old segments at once."""
    return LogWriter(root, limits, chores=0.01)


def plain(root: Path) -> int:
    return sum(name.endswith(".log") for name in names(root))


def test_old_segments_are_compressed_and_read_as_before(tmp_path: Path) -> None:
    whole = old_log(tmp_path)
    before = list(lines(tmp_path, WEB)), reader.run_ranges(tmp_path, WEB)

    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)  # The newest may be written on.
    writer.close()

    assert [name.endswith(".log.gz") for name in names(tmp_path)] == [True, True, True, False]
    assert content_of(tmp_path) == whole
    assert (list(lines(tmp_path, WEB)), reader.run_ranges(tmp_path, WEB)) == before
    assert b"".join(reader.chunks(tmp_path, WEB, 70_001, 130_007)) == whole[70_001:130_007]
    first = gzip.decompress((tmp_path / "web" / "0" / names(tmp_path)[0]).read_bytes())
    assert whole.startswith(first)
    assert subprocess.check_output(["zcat", tmp_path / "web" / "0" / names(tmp_path)[0]]) == first


def test_compressed_segments_are_searched_and_their_tail_and_times_found(tmp_path: Path) -> None:
    old_log(tmp_path)
    began = reader.run_ranges(tmp_path, WEB)[2].began
    with_plain = search_all(tmp_path, began)

    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)
    writer.close()

    assert search_all(tmp_path, began) == with_plain
    assert [len(found) for found in with_plain] == [4, 5000, 7000, 10_000]


def search_all(root: Path, since: float) -> list[list[bytes]]:
    wanted = (
        Wanted(grep=Pattern("^77 of")),
        Wanted(run=2),
        Wanted(tail=7000),
        Wanted(since=since),
    )
    return [[line.text for _, _, line in search(root, [Source(WEB)], one)] for one in wanted]


def test_writing_goes_on_behind_a_compressed_segment(tmp_path: Path) -> None:
    whole = old_log(tmp_path, parts=2)
    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)
    # All of them compressed, as after the newest was removed by hand.
    for name in names(tmp_path):
        if name.endswith(".log"):
            (tmp_path / "web" / "0" / name).unlink()
    writer.close()
    kept = content_of(tmp_path)
    assert whole.startswith(kept)

    writer = LogWriter(tmp_path, SMALL)
    read, write = os.pipe()
    writer.attach(WEB, 9, read)
    put_all(write, b"more\n")
    os.close(write)
    writer.close()

    assert content_of(tmp_path) == kept + b"more\n"
    assert reader.bounds(tmp_path, WEB) == (0, len(kept) + 5)


def test_a_log_may_be_read_while_it_is_being_compressed(tmp_path: Path) -> None:
    whole = old_log(tmp_path, parts=12)
    over = threading.Event()
    readings: list[bool] = []

    def read() -> None:
        while not over.is_set() or not readings:
            readings.append(content_of(tmp_path) == whole)

    thread = threading.Thread(target=read)
    thread.start()
    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)
    over.set()
    thread.join(DEADLINE)
    writer.close()

    assert all(readings)


def test_a_crash_in_the_middle_of_compressing_loses_nothing(tmp_path: Path) -> None:
    whole = old_log(tmp_path, parts=3)
    folder = tmp_path / "web" / "0"
    first, second, _ = reader.segments(tmp_path, WEB)
    half = pack.member((folder / files.name_of(first)).read_bytes())[:100]
    (folder / (files.packed_name(first.start, first.end) + files.TEMPORARY)).write_bytes(half)
    # The second was compressed, and the plain one not removed yet; what counts is the plain one.
    (folder / files.packed_name(second.start, second.end)).write_bytes(b"power was cut")
    assert content_of(tmp_path) == whole

    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)
    writer.close()

    assert content_of(tmp_path) == whole
    assert [name.endswith(".gz") for name in names(tmp_path)] == [True, True, False]


def test_a_damaged_block_costs_its_own_segment_only(tmp_path: Path) -> None:
    whole = old_log(tmp_path, parts=3)
    writer = tended(tmp_path)
    wait_until(lambda: plain(tmp_path) == 1)
    writer.close()
    first, second, third = reader.segments(tmp_path, WEB)
    path = tmp_path / "web" / "0" / files.name_of(second)
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 1
    path.write_bytes(packed)

    assert content_of(tmp_path) == whole[: first.end] + whole[third.start :]


def test_what_is_too_old_is_dropped_also_of_tasks_that_are_gone(tmp_path: Path) -> None:
    gone = ReplicaId("gone", 3)
    old_log(tmp_path, parts=2, id=gone)
    path = lay(tmp_path, WEB, 0, b"new\n", [Record(time.time(), 0, 1)])

    writer = tended(tmp_path, Limits(max_age=600.0))
    wait_until(lambda: not (tmp_path / "gone").exists())
    writer.close()

    assert path.exists()


def test_each_task_has_limits_of_its_own(tmp_path: Path) -> None:
    other = ReplicaId("other", 0)
    old_log(tmp_path)
    old_log(tmp_path, id=other)
    limits = {WEB: Limits(compress=False), other: Limits()}

    writer = LogWriter(tmp_path, limits_of=limits.__getitem__, chores=0.01)
    wait_until(lambda: sum(name.endswith(".gz") for name in names(tmp_path, other)) == 3)
    writer.close()

    assert all(name.endswith(".log") for name in names(tmp_path))


def test_a_segment_is_closed_when_it_is_old_however_small(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, Limits(segment_age=0.05))
    read, write = os.pipe()
    writer.attach(WEB, 1, read)
    end = time.monotonic() + DEADLINE
    while len(names(tmp_path) if (tmp_path / "web").exists() else []) < 3:
        put_all(write, b"a line\n")
        time.sleep(0.02)
        assert time.monotonic() < end
    os.close(write)
    writer.close()

    found = reader.segments(tmp_path, WEB)
    assert all(segment.size and segment.size % 7 == 0 for segment in found)
    assert [s.start for s in found[1:]] == [s.end for s in found[:-1]]


def test_what_is_not_to_be_kept_leaves_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, Limits(keep=False))
    read, write = os.pipe()
    writer.attach(WEB, 1, read)

    put_all(write, b"x" * 1_000_000)
    writer.drain(1).result(DEADLINE)
    os.close(write)
    writer.close()

    assert not (tmp_path / "web").exists()
    assert writer.lost() == 0


def test_limits_that_change_hold_for_what_is_written_already(tmp_path: Path) -> None:
    limits = [Limits()]
    writer = LogWriter(tmp_path, limits_of=lambda id: limits[0])
    read, write = os.pipe()
    writer.attach(WEB, 1, read)
    put_all(write, b"kept\n")
    writer.drain(1).result(DEADLINE)
    limits[0] = Limits(segment=1000, replica=8000)

    def written() -> bool:
        put_all(write, b"0123456\n" * 1000)
        writer.drain(1).result(DEADLINE)
        return len(names(tmp_path)) > 1

    wait_until(written)
    os.close(write)
    writer.close()

    assert sum(segment.size for segment in reader.segments(tmp_path, WEB)) < 70_000


def test_a_thread_compresses_as_long_as_there_is_something_to(tmp_path: Path) -> None:
    old_log(tmp_path, parts=2)
    done: dict[int, int] = {}
    packer = Packer(lambda key, size: done.update({key: size}))
    first, second = reader.segments(tmp_path, WEB)

    packer.pack(tmp_path, WEB, first, 1)
    packer.pack(tmp_path, WEB, Segment(second.end, 100), 2)
    wait_until(lambda: len(done) == 2)
    wait_until(lambda: not any(thread.name == "pack" for thread in threading.enumerate()))
    packer.close()

    assert 0 < done[1] < first.size
    assert done[2] == FAILED


def test_a_segment_waits_before_it_is_compressed_and_goes_at_its_age() -> None:
    segment = Segment(0, 1 << 20, modified=1000.0)
    lot = Lot(segment, Limits(max_age=500.0), newest=False)

    assert judged(lot, 1010.0, 60.0) == Fate(again=50.0)
    assert judged(lot, 1060.0, 60.0) == Fate(pack=True, again=440.0)
    assert judged(lot, 1500.0, 60.0) == Fate(drop=True)
    assert judged(Lot(segment, Limits(), newest=True), 1500.0, 60.0) == Fate()
    assert judged(Lot(Segment(0, 100), Limits(), newest=False), 1500.0, 60.0) == Fate()


@settings(deadline=None)
@given(st.binary(max_size=700_000), st.integers(0, 700_000), st.integers(0, 700_000))
def test_any_part_of_any_content_comes_out_as_it_went_in(
    content: bytes, start: int, stop: int
) -> None:
    source = os.memfd_create("plain")
    target = os.memfd_create("packed")
    try:
        put_all(source, content)
        assert pack.packed(source, len(content), target, lambda: True)
        assert b"".join(pack.unpacked(target, start, stop)) == content[start:stop]
    finally:
        os.close(source)
        os.close(target)

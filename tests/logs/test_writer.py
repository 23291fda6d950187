"""Output goes from pipes to files byte for byte, and nobody is woken for nothing."""

from __future__ import annotations

import hashlib
import os
import queue
import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from proctor.core.model import ReplicaId
from proctor.logs import reader
from proctor.logs.writer import MOST_OPEN, LogWriter

from .support import DEADLINE, WEB, content_of, put_all, writing


def test_random_bytes_arrive_unchanged(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(3_000_001)

    with writing(tmp_path) as now:
        now.put(WEB, 1, content)

    assert content_of(tmp_path) == content


def test_a_line_of_ten_megabytes_arrives_unchanged(tmp_path: Path) -> None:
    content = b"x" * 10_000_000 + b"\nend\n"

    with writing(tmp_path) as now:
        now.put(WEB, 1, content)

    assert content_of(tmp_path) == content


def test_many_writers_at_once_do_not_mix(tmp_path: Path) -> None:
    ids = [ReplicaId("web", index) for index in range(20)]
    contents = [random.Random(id.index).randbytes(400_000) for id in ids]

    with writing(tmp_path) as now:
        feeds = [
            threading.Thread(target=now.put, args=(id, id.index + 1, content))
            for id, content in zip(ids, contents, strict=True)
        ]
        for feed in feeds:
            feed.start()
        for feed in feeds:
            feed.join()

    assert [content_of(tmp_path, id) for id in ids] == contents


def test_a_fast_process_loses_nothing(tmp_path: Path) -> None:
    command = ["seq", "1", "6000000"]
    wanted = hashlib.sha256(subprocess.check_output(command)).hexdigest()

    with writing(tmp_path) as now:
        write = now.begin(WEB, 1)
        with subprocess.Popen(command, stdout=write):
            os.close(write)
            now.wait_drained(1)

    assert hashlib.sha256(content_of(tmp_path)).hexdigest() == wanted


def test_more_logs_than_may_be_open_go_on_one_after_another(tmp_path: Path) -> None:
    ids = [ReplicaId("web", index) for index in range(MOST_OPEN + 20)]

    with writing(tmp_path) as now:
        writes = {id: now.begin(id, id.index + 1) for id in ids}
        for word in (b"one\n", b"two\n", b"three\n"):
            for id in ids:
                put_all(writes[id], word)
                now.writer.drain(id.index + 1).result(DEADLINE)
        open_files = len(os.listdir("/proc/self/fd"))
        for write in writes.values():
            os.close(write)

    assert {content_of(tmp_path, id) for id in ids} == {b"one\ntwo\nthree\n"}
    assert open_files < 2 * len(ids) + 3 * MOST_OPEN + 50
    assert len(reader.segments(tmp_path, ids[0])) == 1


def test_a_silent_run_leaves_no_file(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.put(WEB, 1, b"")

    assert list(tmp_path.iterdir()) == []


def test_drain_says_when_the_bytes_are_on_file_while_the_pipe_stays_open(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        write = now.begin(WEB, 1)
        os.write(write, b"last words\n")

        now.writer.drain(1).result(DEADLINE)

        assert content_of(tmp_path) == b"last words\n"
        assert not now.drained(1)
        os.close(write)


def test_drain_of_a_run_that_is_over_or_unknown_answers_at_once(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.put(WEB, 1, b"x")

        now.writer.drain(1).result(DEADLINE)
        now.writer.drain(99).result(DEADLINE)


def test_flush_says_when_the_bytes_of_all_are_on_file(tmp_path: Path) -> None:
    ids = [ReplicaId("web", index) for index in range(5)]
    with writing(tmp_path) as now:
        writes = [now.begin(id, id.index + 1) for id in ids]
        for write in writes:
            os.write(write, b"here\n")

        now.writer.flush().result(DEADLINE)

        assert {content_of(tmp_path, id) for id in ids} == {b"here\n"}
        for write in writes:
            os.close(write)


def test_who_gives_up_waiting_does_not_harm_the_writer(tmp_path: Path) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def hold(_: ReplicaId, __: int) -> None:
        busy.set()
        go_on.wait(DEADLINE)

    with writing(tmp_path) as now:
        leave = now.writer.subscribe(WEB, hold)
        write = now.begin(WEB, 1)
        os.write(write, b"x\n")
        assert busy.wait(DEADLINE)
        given_up = now.writer.flush()
        assert given_up.cancel()
        leave()
        go_on.set()

        now.writer.flush().result(DEADLINE)
        os.close(write)

    assert content_of(tmp_path) == b"x\n"


def test_close_keeps_what_was_in_the_pipes_and_lets_go_of_them(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        read, write = os.pipe()
        held = os.dup(read)  # as the keeper does, so that the writer does not get SIGPIPE
        now.writer.attach(WEB, 1, read)
        os.write(write, b"before\n")

        now.writer.close()
        os.write(write, b"after\n")

    assert content_of(tmp_path) == b"before\n"
    assert os.read(held, 100) == b"after\n"
    with pytest.raises(OSError):
        os.fstat(read)
    os.close(held)
    os.close(write)


def test_a_closed_writer_answers_drain(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.writer.close()

        now.writer.drain(1).result(DEADLINE)
        now.writer.close()


def test_the_next_run_goes_on_where_the_last_ended(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.put(WEB, 1, b"one\n")
        now.put(WEB, 2, b"")
        now.put(WEB, 3, b"three\n")

    found = [(r.run, r.start, r.stop) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [(1, 0, 4), (3, 4, 10)]


def test_another_writer_goes_on_where_the_last_ended(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.put(WEB, 1, b"one\n")
    with writing(tmp_path) as now:
        now.put(WEB, 2, b"two\n")

    assert content_of(tmp_path) == b"one\ntwo\n"
    assert len(reader.segments(tmp_path, WEB)) == 1


def test_the_bytes_of_an_old_run_that_still_writes_are_told_apart(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        old, new = now.begin(WEB, 1), now.begin(WEB, 2)
        for write, run in ((old, 1), (new, 2), (old, 1)):
            os.write(write, b"%d\n" % run)
            now.writer.drain(run).result(DEADLINE)
        os.close(old)
        os.close(new)

    assert [r.run for r in reader.run_ranges(tmp_path, WEB)] == [1, 2, 1]


def test_a_run_with_two_pipes_is_drained_when_both_are(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        out, err = now.begin(WEB, 1), now.begin(WEB, 1, stream=1)
        os.write(out, b"out\n")
        os.close(out)
        now.writer.drain(1).result(DEADLINE)
        os.write(err, b"err\n")
        now.writer.drain(1).result(DEADLINE)
        before = now.drained(1)
        os.close(err)
        now.wait_drained(1)

    assert not before
    streams = [span.record.stream for span in reader.index_spans(tmp_path, WEB)]
    assert streams == [0, 1]


@pytest.mark.parametrize("what", ["0/00000000000000000000.log", "0", "."])
def test_what_is_removed_under_it_is_made_anew_and_offsets_go_on(tmp_path: Path, what: str) -> None:
    root = tmp_path / "logs"
    with writing(root) as now:
        write = now.begin(WEB, 1)
        os.write(write, b"gone\n")
        now.writer.drain(1).result(DEADLINE)
        path = root / "web" / what
        path.unlink() if path.is_file() else shutil.rmtree(path)

        def arrives() -> bool:
            # The file is looked at every 10 ms at most: what comes before goes with the old one.
            os.write(write, b"line\n")
            now.writer.drain(1).result(DEADLINE)
            return reader.bounds(root, WEB)[1] > 0

        deadline = time.monotonic() + DEADLINE
        while not arrives():
            assert time.monotonic() < deadline
        os.close(write)
        now.wait_drained(1)

    first, end = reader.bounds(root, WEB)
    assert first >= 5
    assert end == first + len(content_of(root))
    assert set(content_of(root).splitlines()) == {b"line"}


def test_a_truncated_file_is_left_alone_and_offsets_go_on(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        now.put(WEB, 1, b"0123456789\n")
        (tmp_path / "web/0/00000000000000000000.log").write_bytes(b"")
        now.put(WEB, 2, b"two\n")

    assert content_of(tmp_path) == b"two\n"


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "logs"
    elsewhere.mkdir()
    root.mkdir()
    (root / "web").symlink_to(elsewhere)

    with writing(root) as now:
        now.put(WEB, 1, b"secret\n")
        lost = now.writer.lost(WEB)

    assert list(elsewhere.iterdir()) == []
    assert lost == 7
    assert now.losses[0].lost == 7
    assert reader.replicas(root, "web") == []


def test_nothing_wakes_the_thread_while_nothing_is_written(tmp_path: Path) -> None:
    with writing(tmp_path) as now:
        writes = [now.begin(ReplicaId("web", index), index + 1) for index in range(50)]
        now.writer.flush().result(DEADLINE)
        before = _switches()

        subprocess.run(["sleep", "0.2"], check=True)

        assert _switches() == before
        for write in writes:
            os.close(write)


def _switches() -> list[str]:
    """Return how often the writer's thread has slept, as soon as it sleeps."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "logs"]
    status = Path(f"/proc/self/task/{thread.native_id}/status")
    deadline = time.monotonic() + DEADLINE
    while "State:\tS" not in (text := status.read_text()):
        assert time.monotonic() < deadline
    return [line for line in text.splitlines() if "ctxt_switches" in line]


def test_a_follower_learns_of_every_end_and_no_more_when_it_leaves(tmp_path: Path) -> None:
    news: queue.SimpleQueue[tuple[ReplicaId, int]] = queue.SimpleQueue()
    with writing(tmp_path) as now:
        leave = now.writer.subscribe(WEB, lambda id, end: news.put((id, end)))
        write = now.begin(WEB, 1)
        for end in range(2, 42, 2):
            os.write(write, b"x\n")
            while news.get(timeout=DEADLINE) != (WEB, end):
                pass
        now.put(ReplicaId("web", 1), 2, b"of no interest\n")
        leave()
        os.write(write, b"x\n")
        now.writer.drain(1).result(DEADLINE)
        os.close(write)

    assert news.empty()


def test_followers_are_told_seldom_of_much(tmp_path: Path) -> None:
    ends: list[int] = []
    with writing(tmp_path) as now:
        now.writer.subscribe(WEB, lambda id, end: ends.append(end))
        began = time.monotonic()
        now.put(WEB, 1, b"x" * 20_000_000)
        took = time.monotonic() - began

    assert ends[-1] == 20_000_000
    assert len(ends) <= took / 0.02 + 2
    assert ends == sorted(set(ends))


def test_a_fault_in_the_thread_is_handed_over(tmp_path: Path) -> None:
    faults: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def fail(run: int) -> None:
        raise ValueError(run)

    writer = LogWriter(tmp_path, on_drained=fail, on_crash=faults.put)
    read, write = os.pipe()
    writer.attach(WEB, 7, read)
    os.close(write)

    assert faults.get(timeout=DEADLINE).args == (7,)
    writer.close()

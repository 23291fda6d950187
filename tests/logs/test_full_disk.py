"""A disk that takes nothing: tasks go on, the loss is counted and told, writing resumes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.logs import reader

from .support import DEADLINE, WEB, content_of, put_all, wait_until, writing

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill(ballast: Path) -> None:
    """Take all the room there is."""

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    with pytest.raises(OSError, match="No space left"):
        fill()


def test_what_a_full_disk_does_not_take_is_dropped_and_counted(small_disk: Path) -> None:
    with writing(small_disk / "logs") as now:
        now.put(WEB, 1, b"x" * 3 * MIB)
        lost = now.writer.lost(WEB)

    first, end = reader.bounds(small_disk / "logs", WEB)
    assert first == 0
    assert end + lost == 3 * MIB
    assert 0 < end < MIB
    assert content_of(small_disk / "logs") == b"x" * end
    assert now.losses[0].error == "No space left on device"
    assert now.losses[-1].lost == lost


def test_writing_resumes_when_there_is_room_and_the_index_tells_of_the_gap(
    small_disk: Path,
) -> None:
    root, ballast = small_disk / "logs", small_disk / "ballast"
    with writing(root) as now:
        write = now.begin(WEB, 1)
        os.write(write, b"before\n")
        now.writer.drain(1).result(DEADLINE)
        _fill(ballast)
        put_all(write, b"l" * MIB)
        wait_until(lambda: now.writer.lost() > 0)
        ballast.unlink()

        def resumed() -> bool:
            os.write(write, b"after\n")
            now.writer.drain(1).result(DEADLINE)
            return content_of(root).endswith(b"after\n")

        wait_until(resumed)
        os.close(write)
        now.wait_drained(1)
        lost = now.writer.lost(WEB)

    assert content_of(root).startswith(b"before\n")
    assert sum(gap.lost for gap in reader.gaps(root, WEB)) == lost
    assert (now.losses[-1].lost, now.losses[-1].error) == (lost, "")
    assert len(now.losses) < 6


def test_a_disk_that_is_full_from_the_start_stops_nobody(small_disk: Path) -> None:
    _fill(small_disk / "ballast")

    with writing(small_disk / "logs") as now:
        now.put(WEB, 1, b"x" * MIB)
        assert now.writer.lost() == MIB
        (small_disk / "ballast").unlink()
        now.put(WEB, 2, b"there is room again\n")

    assert content_of(small_disk / "logs") == b"there is room again\n"


_LIMITED = """
import os, resource, sys, threading
from pathlib import Path
from proctor.core.model import ReplicaId
from proctor.logs.writer import LogWriter

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
over = threading.Event()
writer = LogWriter(Path(sys.argv[1]), on_drained=lambda run: over.set())
read, write = os.pipe()
writer.attach(ReplicaId("web", 0), 1, read)
left = memoryview(b"x" * 1_000_000)
while left:
    left = left[os.write(write, left):]
os.close(write)
assert over.wait(60)
print(writer.lost())
writer.close()
"""


def test_a_file_that_may_not_grow_stops_nobody(tmp_path: Path) -> None:
    lost = subprocess.check_output([sys.executable, "-c", _LIMITED, tmp_path], timeout=DEADLINE)

    assert int(lost) == 700_000
    assert content_of(tmp_path) == b"x" * 300_000
    assert [gap.lost for gap in reader.gaps(tmp_path, WEB)][-1:] in ([], [700_000])

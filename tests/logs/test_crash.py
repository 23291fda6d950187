"""A writer may be killed at any moment: the next goes on, no byte lost or doubled."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proctor.logs import reader

from .support import DEADLINE, WEB, content_of, wait_until, writing

_WRITER = """
import signal, sys
from pathlib import Path
from proctor.core.model import ReplicaId
from proctor.logs.rotation import Limits
from proctor.logs.writer import LogWriter

writer = LogWriter(Path(sys.argv[1]), Limits(segment=200_000, replica=1 << 30))
writer.attach(ReplicaId("web", 0), 1, int(sys.argv[2]))
print("ready", flush=True)
signal.pause()
"""

# 30 MB in pieces of all sizes, slow enough to be caught in the middle.
_TASK = "seq 1 2000000; for i in $(seq 1 300); do seq $i 20000; done"


def _end_of(root: Path) -> int:
    return reader.bounds(root, WEB)[1]


def _kill_in_the_middle(root: Path, read: int, target: int) -> None:
    """Let a writer of its own process go until the log has `target` bytes, then kill it."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, root, str(read)], pass_fds=[read], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            wait_until(lambda: _end_of(root) >= target)
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    wanted = hashlib.sha256(subprocess.check_output(["sh", "-c", _TASK])).hexdigest()
    rng = random.Random(7)
    # This process holds the read end, as the keeper does.
    read, write = os.pipe()

    with subprocess.Popen(["sh", "-c", _TASK], stdout=write):
        os.close(write)
        for _ in range(8):
            _kill_in_the_middle(tmp_path, read, _end_of(tmp_path) + rng.randrange(1, 900_000))
        with writing(tmp_path) as now:
            now.writer.attach(WEB, 1, read)
            now.wait_drained(1)

    assert hashlib.sha256(content_of(tmp_path)).hexdigest() == wanted
    assert [r.run for r in reader.run_ranges(tmp_path, WEB)] == [1]


def test_bytes_written_before_a_crash_keep_their_run(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"one\n")
    _kill_in_the_middle(tmp_path, read, 4)

    with writing(tmp_path) as now:
        now.writer.attach(WEB, 1, read)
        other = now.begin(WEB, 2)
        os.write(other, b"two\n")
        now.writer.drain(2).result(DEADLINE)
        os.close(other)
        os.close(write)

    found = [(r.run, r.start, r.stop) for r in reader.run_ranges(tmp_path, WEB)]
    assert found == [(1, 0, 4), (2, 4, 8)]

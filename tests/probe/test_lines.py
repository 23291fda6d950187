"""Waiting for a line of a run's output, on a real log writer."""

import os
import queue

import pytest

from proctor.core.model import ReplicaId
from proctor.logs.writer import LogWriter
from proctor.probe.lines import LineWatch

ID = ReplicaId("web", 0)


class Log:
    """A writer, the pipe of one run, and a loop that is a queue."""

    def __init__(self, root):
        self.root = root
        self.writer = LogWriter(root)
        self.calls: queue.Queue = queue.Queue()
        self.found: list[str] = []
        self.pipes: dict[int, int] = {}

    def told(self, ok, text):
        assert ok
        self.found.append(text)

    def run(self, run):
        end, self.pipes[run] = os.pipe()
        self.writer.attach(ID, run, end)

    def write(self, run, text):
        os.write(self.pipes[run], text)
        self.writer.flush().result(30)

    def watch(self, run, pattern):
        return LineWatch(self.writer, self.root, ID, run, pattern, self.told, self.calls.put)

    def turn(self):
        """Do what is to be done in the loop, once something is."""
        self.calls.get(timeout=30)()
        while not self.calls.empty():
            self.calls.get_nowait()()

    def close(self):
        for pipe in self.pipes.values():
            os.close(pipe)
        self.writer.close()


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path)
    log.run(1)
    yield log
    log.close()


def test_a_line_that_is_there_already_is_found(log):
    log.write(1, b"starting\nnow ready on port 80\n")
    log.watch(1, "ready on port \\d+")
    log.turn()

    assert log.found == ["now ready on port 80"]


def test_a_line_that_comes_later_is_found_once(log):
    log.watch(1, "^ready$")
    log.turn()
    log.write(1, b"not ready yet\n")
    log.write(1, b"ready\nready\n")
    while not log.found:
        log.turn()

    assert log.found == ["ready"]


def test_what_another_run_wrote_does_not_count(log):
    log.write(1, b"ready\n")
    log.run(2)
    watch = log.watch(2, "ready")
    log.turn()
    assert log.found == []

    log.write(2, b"ready again\n")
    while not log.found:
        log.turn()
    assert log.found == ["ready again"]
    watch.close()


def test_a_closed_watch_finds_nothing(log):
    watch = log.watch(1, "ready")
    watch.close()
    log.write(1, b"ready\n")
    log.turn()

    assert log.found == []


def test_a_pattern_that_takes_too_long_is_given_up_in_words(log):
    answers = []
    log.told = lambda ok, text: answers.append((ok, text))
    log.write(1, b"x" * 300_000 + b"\n")
    log.watch(1, r"[a-z]+\d")
    while not answers:
        log.turn()
    log.write(1, b"x1\n")

    assert answers == [(False, r"searching for `[a-z]+\d` takes more than 0.2 s")]

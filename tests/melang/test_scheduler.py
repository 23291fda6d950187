"""Embedding: a program runs scripts in its own loop, with its own outputs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from melang.errors import CompileError
from melang.scheduler import TIMEOUT, Coroutine, Scheduler

from .running import Recorder

PRINT = b"sys = Import('sys'); sys.print(EVAL_DATA);"


def test_a_script_gets_its_data_and_prints_to_its_sink() -> None:
    scheduler, one, two = Scheduler(), Recorder(), Recorder()
    scheduler.spawn(PRINT, data=1, sink=one)
    scheduler.spawn(PRINT, data=b"two", sink=two)

    scheduler.run()

    assert (one.lines, two.lines) == (["1"], ["two"])


def test_the_end_is_told_with_the_error_or_none() -> None:
    scheduler, sink = Scheduler(), Recorder()
    told: dict[str, str | None] = {}

    def done(co: Coroutine, message: str | None) -> None:
        told[co.name] = message

    scheduler.spawn(b"x = 1;", name="good.m", sink=sink, done=done)
    scheduler.spawn(b"\nx = 1 + nil;", name="bad.m", sink=sink, done=done)
    waiting = scheduler.spawn(b"m = Import('mq'); m.recv('q');", name="w.m", sink=sink, done=done)
    scheduler.step()
    scheduler.kill(waiting)
    scheduler.run()

    error = "bad.m:2: Operation NOT support."
    assert told == {"good.m": None, "bad.m": error, "w.m": "killed"}
    assert sink.lines == [error]


def test_a_script_with_a_syntax_error_is_not_started() -> None:
    scheduler = Scheduler()

    with pytest.raises(CompileError):
        scheduler.spawn(b"x = ;")

    assert not scheduler.coroutines


def test_next_deadline_is_when_a_sleeper_wakes() -> None:
    scheduler = Scheduler()
    assert scheduler.next_deadline() is None
    scheduler.spawn(b"s = Import('sys'); s.msleep(5000);")
    scheduler.step()

    deadline = scheduler.next_deadline()

    assert deadline is not None
    assert 4 < deadline - time.monotonic() <= 5


def test_step_gives_each_ready_script_one_slice() -> None:
    scheduler = Scheduler()
    spin = scheduler.spawn(b"while (1) { }")
    other = scheduler.spawn(b"x = 1;")

    scheduler.step()

    assert other.ended
    assert not spin.ended
    scheduler.kill(spin)
    assert not scheduler.coroutines


def test_descriptors_of_the_embedding_program_are_served_while_scripts_compute() -> None:
    scheduler = Scheduler()
    spin = scheduler.spawn(b"while (1) { }")
    reading, writing = os.pipe()
    os.write(writing, b"x")
    scheduler.add_reader(reading, lambda: scheduler.kill(spin))

    scheduler.run()

    scheduler.remove_reader(reading)
    os.close(reading)
    os.close(writing)
    assert spin.ended


def test_suspend_answers_what_wake_gave_or_timeout() -> None:
    from melang.builtin import builtin

    answers = []

    @builtin(1)
    def wait(co: Coroutine, seconds: float | None) -> None:
        answers.append(co.scheduler.suspend(co, seconds))

    scheduler = Scheduler()
    first = scheduler.spawn(b"Wait(nil);")
    second = scheduler.spawn(b"Wait(0.001);")
    for co in (first, second):
        co.globals["Wait"] = wait
    scheduler.step()
    scheduler.wake(first, "woken")
    scheduler.run()

    assert answers == ["woken", TIMEOUT]


def test_a_killed_script_takes_its_child_process_along(tmp_path: Path) -> None:
    scheduler = Scheduler()
    mark = tmp_path / "mark"
    script = f"s = Import('sys'); s.exec('sleep 5; touch {mark}');"
    co = scheduler.spawn(script.encode())
    scheduler.step()
    scheduler.kill(co)
    started = time.monotonic()

    while scheduler.readers:  # until its exit status is collected
        scheduler.step(1.0)

    assert time.monotonic() - started < 2
    assert not mark.exists()


def test_the_same_text_is_compiled_once() -> None:
    scheduler = Scheduler()

    one, two = scheduler.spawn(PRINT), scheduler.spawn(PRINT)

    assert one.program is two.program
    scheduler.kill(one)
    scheduler.kill(two)


def test_a_file_is_run_by_its_path(tmp_path: Path) -> None:
    scheduler, sink = Scheduler(), Recorder()
    script = tmp_path / "s.m"
    script.write_text("s = Import('sys'); s.print(s.path('@/x'));")
    scheduler.spawn(str(script), sink=sink)

    scheduler.run()

    assert sink.lines == [f"{tmp_path}//x"]

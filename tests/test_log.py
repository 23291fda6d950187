"""What a line of the service's log looks like, on a terminal and elsewhere."""

import asyncio
import io
import json
import logging
import os
import pty
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proctor import log as proctor_log
from proctor.log import get_logger


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[io.TextIOWrapper]:
    with (tmp_path / "log").open("w+", encoding="utf-8") as stream:
        yield stream


def lines(stream: io.TextIOWrapper) -> list[str]:
    return Path(stream.name).read_text(encoding="utf-8").splitlines()


def objects(stream: io.TextIOWrapper) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(stream)]


def test_elsewhere_than_on_a_terminal_a_line_is_one_json_object(file: io.TextIOWrapper) -> None:
    proctor_log.configure(stream=file)

    get_logger("manager").info("ended", task="web", replica=0, status=None, after=1.5)

    (line,) = objects(file)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "manager",
        "event": "ended",
        "task": "web",
        "replica": 0,
        "status": None,
        "after": 1.5,
    }


def test_bound_fields_are_in_every_line(file: io.TextIOWrapper) -> None:
    proctor_log.configure(stream=file)
    log = get_logger("manager").bind(task="web", replica=1)

    log.info("started", pid=7)
    log.warning("ended", replica=2)

    started, ended = objects(file)
    assert (started["task"], started["replica"], started["pid"]) == ("web", 1, 7)
    assert (ended["task"], ended["replica"], ended["level"]) == ("web", 2, "warning")


def test_no_field_replaces_the_event_or_its_time(file: io.TextIOWrapper) -> None:
    proctor_log.configure(stream=file)

    get_logger("x").info("ended", event="forged", level="error", time=0)

    (line,) = objects(file)
    assert (line["event"], line["level"]) == ("ended", "info")
    assert line["time"] != 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("line\nbreak", "line\nbreak"),
        ("not utf-8: \udcff", "not utf-8: \\udcff"),
        (Path("/var"), "/var"),
        ("\x1b[31m", "\x1b[31m"),
    ],
)
def test_any_value_can_be_logged_as_json(
    file: io.TextIOWrapper, value: object, expected: str
) -> None:
    proctor_log.configure(stream=file)

    get_logger("x").info("event", value=value)

    assert objects(file)[0]["value"] == expected


def test_an_exception_comes_with_its_traceback(file: io.TextIOWrapper) -> None:
    proctor_log.configure(stream=file)

    try:
        _ = 1 // 0
    except ZeroDivisionError:
        get_logger("api").exception("request_failed", path="/proc")

    (line,) = objects(file)
    assert line["level"] == "error"
    assert "ZeroDivisionError: " in line["traceback"]
    assert "test_log.py" in line["traceback"]


def test_what_the_level_leaves_out_is_not_written(file: io.TextIOWrapper) -> None:
    proctor_log.configure("warning", stream=file)
    log = get_logger("x")

    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")

    assert [line["event"] for line in objects(file)] == ["c", "d"]


def test_other_libraries_records_come_out_the_same_way(file: io.TextIOWrapper) -> None:
    proctor_log.configure(stream=file)
    for name in ("uvicorn.error", "asyncio"):  # What other tests set must not matter here.
        logging.getLogger(name).setLevel(logging.NOTSET)

    logging.getLogger("uvicorn.error").info("Started server process [%d]", 12)
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "a task failed"})
    loop.close()

    started, failed = objects(file)
    assert (started["logger"], started["event"]) == (
        "uvicorn.error",
        "Started server process [12]",
    )
    assert (failed["logger"], failed["level"]) == ("asyncio", "error")
    assert failed["event"].startswith("a task failed")


def test_text_is_aligned_and_shows_fields_after_the_event(file: io.TextIOWrapper) -> None:
    proctor_log.configure(style="text", stream=file)

    get_logger("manager").info("ended", task="web", exit="exited 1", pid=None)

    (line,) = lines(file)
    moment, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", moment)
    assert rest == "info    manager   ended          task=web exit='exited 1' pid=None"


def test_text_cannot_be_forged_by_what_is_logged(file: io.TextIOWrapper) -> None:
    proctor_log.configure(style="text", stream=file)

    get_logger("x").info("ended", task="\x1b[2Ja\nb", other="a b=c", raw="\udcff", empty="")
    logging.getLogger("x").info("two\nlines\x1b[2J")

    first, second = lines(file)
    assert r"task='\x1b[2Ja\nb' other='a b=c' raw='\udcff' empty=''" in first
    assert r"two\nlines\x1b[2J" in second


def test_a_terminal_gets_colours_unless_it_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_terminal() -> str:
        ours, theirs = pty.openpty()
        with open(theirs, "w", encoding="utf-8") as stream:
            proctor_log.configure(stream=stream)
            get_logger("x").warning("event", key=1)
            written = os.read(ours, 4096).decode()
        os.close(ours)
        return written

    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = on_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_terminal()

    assert "\x1b[33mwarning" in coloured
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured)[12:] == plain[12:]


def test_the_service_goes_on_when_nobody_reads_the_log() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        proctor_log.configure(stream=stream)

        get_logger("x").info("unread")


def test_a_level_that_is_left_out_does_not_look_at_its_fields(file: io.TextIOWrapper) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("looked at")

    proctor_log.configure("info", stream=file)

    get_logger("x").debug("event", costly=Costly())

    assert lines(file) == []

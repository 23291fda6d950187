"""Tasks of type python, on a real service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..system.service import Service, alive, until
from .conftest import Script
from .test_melang import host_of, log, manager_of, wait_log

pytestmark = pytest.mark.slow

FOREVER = """
import asyncio

async def main():
    print("begun")
    await asyncio.Event().wait()
"""
COUNTER = """
import asyncio

async def main():
    for n in range(100_000):
        print(n)
        await asyncio.sleep(0.01)
"""


def test_print_and_logging_go_to_the_log_of_the_replica(service: Service, script: Script) -> None:
    text = """
import asyncio
import logging
import sys

log = logging.getLogger("mine")

async def helper(task):
    print("helps", task["index"], file=sys.stderr)

async def main(task):
    logging.basicConfig(level="INFO", format="%(name)s: %(message)s")
    print("I am", task["alias"])
    await asyncio.create_task(helper(task))
    await asyncio.to_thread(print, "in a thread", task["index"])
    log.info("logs %s", task["index"])
"""
    service.must_post("talk", script("a.py", text), "python", 2)

    service.wait_ends("talk", 2)

    for n in (0, 1):
        expected = f"I am talk:{n}\nhelps {n}\nin a thread {n}\nmine: logs {n}\n"
        assert log(service, "talk", n) == expected.encode()
    assert sorted(service.ends("talk")) == [(0, 0, None, None), (1, 0, None, None)]


def test_replicas_share_a_host_and_removing_ends_the_task_alone(
    service: Service, script: Script
) -> None:
    path = script("a.py", FOREVER)
    service.must_post("stays", path, "python")
    service.must_post("goes", path, "python", 2)
    service.wait_running("stays")
    pids = service.wait_running("goes", 2)

    service.delete("goes")

    host = host_of(service, "@python")
    assert pids == [host, host]
    assert service.running("stays") == [host]
    assert [end[1:] for end in service.ends("goes")] == [(None, 15, None)] * 2


def test_a_plain_function_runs_in_a_thread(service: Service, script: Script) -> None:
    text = """
import threading, time

def main():
    assert threading.current_thread() is not threading.main_thread()
    time.sleep(0.1)
    print("done")
"""
    service.must_post("plain", script("a.py", text), "python", 2)
    service.must_post("count", script("b.py", COUNTER), "python")

    service.wait_ends("plain", 2)

    assert log(service, "plain") == b"done\n"
    assert [end[1] for end in service.ends("plain")] == [0, 0]


def test_a_module_and_a_function_can_be_named(
    service: Service, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    script("shop/__init__.py", "raise SystemError('must not be run to check it')\n")
    script("shop/jobs.py", "async def tidy():\n    print('tidied', __name__)\n")

    refused = service.post("none", "shop.jobs:other", "python", cwd=str(tmp_path))
    accepted = service.post("tidy", "shop.jobs:tidy", "python", cwd=str(tmp_path))
    (error,) = [end[3] for end in service.wait_ends("tidy")]
    script("shop/__init__.py", "")
    service.delete("tidy")
    service.must_post("tidy", "shop.jobs:tidy", "python", cwd=str(tmp_path))
    service.wait_ends("tidy", 2)

    assert refused.status == 422
    assert "there is no function other" in refused.body["msg"]
    assert accepted.status == 200
    assert error == f"{tmp_path}/shop/__init__.py:1: SystemError: must not be run to check it"
    assert b"tidied shop.jobs\n" in log(service, "tidy")


def test_an_error_is_the_result_and_its_traceback_is_in_the_log(
    service: Service, script: Script
) -> None:
    path = script("bad.py", "async def main():\n    print('before')\n    return 1 / 0\n")
    service.must_post("bad", path, "python")

    ends = service.wait_ends("bad")

    assert ends == [(0, 1, None, f"{path}:3: ZeroDivisionError: division by zero")]
    assert log(service, "bad").startswith(b"before\nTraceback (most recent call last):\n")
    assert b"python_host" not in log(service, "bad")


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("raise SystemExit(3)", (3, None, None)),
        ("sys.exit()", (0, None, None)),
        ("asyncio.current_task().cancel(); await asyncio.sleep(1)", (1, None, "CancelledError")),
        ("asyncio.create_task(leave()); await asyncio.sleep(0.05)", (0, None, None)),
    ],
    ids=["exit-3", "exit", "cancels-itself", "exit-in-a-task"],
)
def test_what_ends_a_program_ends_a_script_and_no_host(
    service: Service, script: Script, body: str, end: tuple[int | None, int | None, str | None]
) -> None:
    head = "import asyncio, sys\n\nasync def leave():\n    sys.exit(4)\n\n"
    service.must_post("stays", script("stays.py", FOREVER), "python")
    service.must_post("ends", script("a.py", f"{head}async def main():\n    {body}\n"), "python")

    ((_, code, number, error),) = service.wait_ends("ends")

    assert (code, number) == end[:2]
    assert end[2] in error if end[2] else error is None
    assert service.wait_running("stays") == [host_of(service, "@python")]
    assert len([line for line in service.events("started") if line["task"] == "@python"]) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.py", "async def main(:\n", "{path}:1: invalid syntax"),
        ("a.py", "x = 1\n\nasync def other():\n    pass\n", "{path}:1: there is no function main"),
        ("a.py", "x = '\\0'\n\0", "{path}:"),
        ("missing/a.py", None, "{path}: No such file or directory"),
    ],
    ids=["syntax", "no-main", "nul", "missing"],
)
def test_a_script_that_cannot_be_run_is_refused(
    service: Service, script: Script, tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    path = script(name, text) if text is not None else str(tmp_path / name)

    answer = service.post("bad", path, "python")

    assert answer.status == 422, answer
    assert answer.body["msg"].startswith(message.format(path=path))
    assert service.tasks() == {}


def test_when_the_manager_is_killed_tasks_go_on_and_lose_nothing(
    service: Service, script: Script
) -> None:
    service.must_post("count", script("a.py", COUNTER), "python")
    wait_log(service, "count", b"\n9\n")
    pids = service.running("count")

    os.kill(manager_of(service), signal.SIGKILL)
    service.wait_event("listening", 4)
    seen = len(log(service, "count"))
    until(lambda: len(log(service, "count")) > seen + 50)

    assert service.running("count") == pids
    service.delete("count")
    numbers = [int(n) for n in service.segments("count", 0).split()]
    assert numbers == list(range(len(numbers)))


def test_when_the_host_is_killed_each_task_does_as_its_policy_says(
    service: Service, script: Script
) -> None:
    path = script("a.py", FOREVER)
    service.must_post("once", path, "python")
    service.must_post("again", path, "python", restart="always", interval=0.1)
    service.wait_running("once")
    service.wait_running("again")

    os.kill(host_of(service, "@python"), signal.SIGKILL)
    ends = service.wait_ends("once")
    service.wait_ends("again")

    assert ends == [(0, None, None, "its script host ended: killed by signal 9")]
    assert until(lambda: service.running("again")) == [host_of(service, "@python")]


def test_a_task_that_swallows_its_cancellation_is_dropped(service: Service, script: Script) -> None:
    text = """
import asyncio

async def main():
    print("begun")
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("no")
"""
    service.must_post("stays", script("b.py", FOREVER), "python")
    service.must_post("stubborn", script("a.py", text), "python", stop_timeout=0.2)
    wait_log(service, "stubborn", b"begun")

    service.delete("stubborn")

    assert service.ends("stubborn") == [(0, None, 9, None)]
    assert log_file(service, "stubborn").startswith(b"begun\nno\n")
    assert service.running("stays") == [host_of(service, "@python")]


BLOCKS = """
import time

async def main():
    print("begun")
    time.sleep(100_000)
"""


def test_one_that_blocks_costs_its_own_host(service: Service, script: Script) -> None:
    path = script("a.py", BLOCKS)
    service.must_post("blocks", path, "python", isolate=True, stop_timeout=0.1)
    service.must_post("stays", script("b.py", FOREVER), "python")
    wait_log(service, "blocks", b"begun")
    service.wait_running("stays")

    service.delete("blocks")

    ((_, code, number, error),) = service.ends("blocks")
    assert (code, number, error) == (None, None, "its script host ended: killed by signal 9")
    assert service.running("stays") == [host_of(service, "@python")]


def test_one_that_blocks_a_shared_host_is_reported(service: Service, script: Script) -> None:
    path = script("a.py", BLOCKS)
    service.must_post("blocks", path, "python", stop_timeout=0.1)
    wait_log(service, "blocks", b"begun")

    service.delete("blocks", "&wait=0")

    found = service.wait_line(lambda line: "blocks:0 does not end" in str(line))
    assert found["level"] == "warning"
    os.kill(host_of(service, "@python"), signal.SIGKILL)
    until(lambda: service.tasks() == {})


def test_another_environments_interpreter_can_be_named(
    service: Service, script: Script, tmp_path: Path
) -> None:
    home = tmp_path / "venv"
    command = [sys.executable, "-m", "venv", "--without-pip", str(home)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python3*/site-packages")
    (packages / "only_there.py").write_text("NAME = 'only there'\n")
    text = """
import sys

async def main():
    import only_there
    print(only_there.NAME, sys.prefix)
    try:
        import msgspec
    except ImportError:
        print("without ours")
"""
    service.must_post("other", script("a.py", text), "python", interpreter=str(python))

    service.wait_ends("other")

    assert log(service, "other") == f"only there {home}\nwithout ours\n".encode()
    refused = service.post("none", script("a.py", text), "python", interpreter="/nowhere/python")
    assert refused.status == 422
    assert refused.body["field"] == "interpreter"


def test_the_environment_is_the_tasks_own(service: Service, script: Script) -> None:
    text = "import os\n\nasync def main():\n    print(os.environ.get('WHO'))\n    await wait()\n"
    text += "\nasync def wait():\n    import asyncio\n    await asyncio.Event().wait()\n"
    path = script("a.py", text)
    for name in ("one", "two"):
        service.must_post(name, path, "python", env={"WHO": name})

    wait_log(service, "one", b"one\n")
    wait_log(service, "two", b"two\n")
    pids = service.running("one") + service.running("two")

    assert len(set(pids)) == 2
    service.delete("one")
    until(lambda: not alive(pids[0]))


def log_file(service: Service, name: str) -> bytes:
    """Return what is on file of a task that may be gone."""
    return service.segments(name, 0)

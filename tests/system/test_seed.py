"""The lines of the HTTP API's own page, as they stand there, run by curl where there is one."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from .service import PATIENCE, Service, until

START = (
    """curl -XPOST http://127.1:8606/proc -d '{"name": "task1", "cmd": "sleep 5", """
    """"type": "once", "replica": 2, "user": "guest", "deps": ["task0"]}'"""
)
RESTART = "curl -XPUT http://127.1:8606/proc?name=task1"
STOP = "curl -XDELETE http://127.1:8606/proc?name=task1"
SHOW = "curl -XGET http://127.1:8606/proc"
KEYS = "name cmd type replica user deps interval last_time run_flag start_time running group"


def curl(service: Service, line: str) -> dict[str, Any]:
    """Run a line of the page and return the JSON that it printed."""
    line = line.replace(":8606/", f":{service.port}/")
    if shutil.which("curl"):
        done = subprocess.run(line + " -s", shell=True, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, done
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    words = shlex.split(line)[1:]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = urlsplit(words[1])
    path = url.path + (f"?{url.query}" if url.query else "")
    body = words[3] if "-d" in words else None
    headers = {"Host": url.netloc} | (form if body else {})
    return dict(service.request(words[0].removeprefix("-X"), path, body, headers).body)


def as_a_user(line: str) -> str:
    """The page's user is Debian's no more: where there is none, nobody is as good."""
    try:
        pwd.getpwnam("guest")
    except KeyError:
        return line.replace("guest", pwd.getpwuid(65534).pw_name)
    return line


def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may run tasks as somebody else")


def test_the_pages_lines_do_what_the_page_says(service: Service) -> None:
    needs_root()

    before = int(time.time())
    assert curl(service, as_a_user(START)) == {"code": 200, "msg": "OK"}
    first = service.wait_running("task1", 2)
    shown = curl(service, SHOW)

    assert shown["code"] == 200
    assert shown["msg"] == "OK"
    assert shown["data"]["running"] == [
        {"command": "sleep 5", "pid": first[0], "alias": "task1:0"},
        {"command": "sleep 5", "pid": first[1], "alias": "task1:1"},
    ]
    task = shown["data"]["tasks"]["task1"]
    assert list(task) == KEYS.split()
    assert before <= task.pop("start_time") <= task.pop("last_time") <= time.time()
    user = json.loads(shlex.split(as_a_user(START))[-1])["user"]
    assert task == {
        "name": "task1",
        "cmd": "sleep 5",
        "type": "once",
        "replica": 2,
        "user": user,
        "deps": ["task0"],
        "interval": 3,
        "run_flag": False,
        "running": 2,
        "group": None,
    }

    assert curl(service, RESTART) == {"code": 200, "msg": "OK"}
    second = until(lambda: p if len(p := service.running("task1")) == 2 and p != first else None)
    assert not set(first) & set(second)

    assert curl(service, STOP) == {"code": 200, "msg": "OK"}
    assert service.processes() == []
    assert curl(service, SHOW)["data"] == {"running": [], "tasks": {}}


def test_a_user_that_does_not_exist_is_named_and_nothing_starts(service: Service) -> None:
    answer = curl(service, START.replace("guest", "no-such-user"))

    assert answer["code"] == 422
    assert "user" in answer["msg"]
    assert "no-such-user" in answer["msg"]
    assert service.get() == {"running": [], "tasks": {}}


def test_a_task_runs_as_its_user_and_group(service: Service) -> None:
    needs_root()
    service.must_post("who", "id -u; id -g; echo $HOME", user="nobody", group="daemon")
    service.wait_ends("who")

    account = pwd.getpwnam("nobody")
    assert service.output("who")["who:0"].decode().split() == ["65534", "1", account.pw_dir]


def test_a_task_that_has_ended_stays_listed(service: Service) -> None:
    service.must_post("short", "exit 4")
    service.wait_ends("short")

    task = service.tasks()["short"]
    assert (task["running"], task["run_flag"]) == (0, False)
    assert service.running("short") == []
    assert service.ends("short") == [(0, 4, None, None)]


def test_a_daemon_is_started_again_however_it_ends(service: Service) -> None:
    service.must_post("works", "exit 0", type="daemon", interval=0.01)
    service.must_post("fails", "exit 3", type="daemon", interval=0.01)
    service.must_post("dies", "kill -9 $$", type="daemon", interval=0.01)

    assert service.wait_ends("works", 3)[:3] == [(0, 0, None, None)] * 3
    assert service.wait_ends("fails", 3)[:3] == [(0, 3, None, None)] * 3
    assert service.wait_ends("dies", 3)[:3] == [(0, None, 9, None)] * 3


def test_a_daemon_waits_for_its_interval(service: Service) -> None:
    service.must_post("slow", "exit 0", type="daemon", interval=1)
    service.wait_ends("slow", 2)

    (_, first_end), (second_start, _) = service.query("SELECT started, ended FROM run LIMIT 2")
    assert second_start - first_end >= 0.99


def test_melang_is_refused_with_a_clear_message(service: Service) -> None:
    answer = service.post("script", "/nowhere.m", type="melang")

    # Until scripts can be run, 501; from then on the missing file is the fault.
    assert answer.status in (501, 422), answer
    assert answer.body["code"] == answer.status
    assert service.get()["tasks"] == {}


def test_the_api_describes_itself_and_asks_nothing_of_other_hosts(service: Service) -> None:
    document = service.request("GET", "/openapi.json").body
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]["/proc"]) >= {"get", "post", "put", "delete"}
    assert "/proc/output" in document["paths"]

    page = service.request("GET", "/docs")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    for attribute in ('src="http', 'href="http', "src='http", "url(http", "@import", 'src="//'):
        assert attribute not in page.body

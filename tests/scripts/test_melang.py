"""Tasks of type melang, on a real service."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ..system.conftest import Instance
from ..system.service import Service, alive, until
from .conftest import Script

pytestmark = pytest.mark.slow

COUNTER = """
sys = Import('sys');
for (n = 0; n < 100000; ++n) {
    sys.print(n);
    sys.msleep(10);
}
"""
FOREVER = """
sys = Import('sys');
sys.print('begun');
while (true)
    sys.msleep(1000);
"""


def host_of(service: Service, name: str = "@melang") -> int:
    """Return the pid of the newest host of that name."""
    started = [line for line in service.events("started") if line["task"] == name]
    return int(started[-1]["pid"])


def manager_of(service: Service) -> int:
    keeper = service.keeper_pid
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    (pid,) = [p for p in children if b"\0serve\0" in Path(f"/proc/{p}/cmdline").read_bytes()]
    return int(pid)


def log(service: Service, name: str, replica: int = 0) -> bytes:
    return service.output(name).get(f"{name}:{replica}", b"")


def wait_log(service: Service, name: str, text: bytes, replica: int = 0) -> bytes:
    def found() -> bytes | None:
        output = log(service, name, replica)
        return output if text in output else None

    return until(found)


def test_replicas_are_listed_with_the_pid_of_their_host(service: Service, script: Script) -> None:
    service.must_post("three", script("a.m", FOREVER), "melang", 3)
    pids = service.wait_running("three", 3)

    running = service.get()["running"]

    assert [entry["alias"] for entry in running] == ["three:0", "three:1", "three:2"]
    assert set(pids) == {host_of(service)}
    assert service.tasks().keys() == {"three"}
    assert service.tasks()["three"]["deps"] == []


def test_what_a_script_prints_is_in_the_log_of_its_replica(
    service: Service, script: Script
) -> None:
    text = "sys = Import('sys'); json = Import('json'); t = json.decode(EVAL_DATA);"
    text += "sys.print(t['alias'], t['labels']['a']);"
    service.must_post("talk", script("a.m", text), "melang", 2, labels={"a": "b"})

    service.wait_ends("talk", 2)

    assert b"talk:0" in log(service, "talk", 0)
    assert b"talk:1" in log(service, "talk", 1)
    assert sorted(service.ends("talk")) == [(0, 0, None, None), (1, 0, None, None)]


def test_removing_a_task_ends_its_coroutines_and_not_the_host(
    service: Service, script: Script
) -> None:
    path = script("a.m", FOREVER)
    service.must_post("stays", path, "melang")
    service.must_post("goes", path, "melang", 2)
    service.wait_running("stays")
    service.wait_running("goes", 2)

    answer = service.delete("goes")

    assert answer.status == 200
    assert service.running("goes") == []
    assert service.running("stays") == [host_of(service)]
    assert [end[1:] for end in service.ends("goes")] == [(None, 15, None)] * 2


def test_the_host_ends_with_the_last_script_and_begins_with_the_next(
    service: Service, script: Script
) -> None:
    path = script("a.m", FOREVER)
    service.must_post("one", path, "melang")
    service.wait_running("one")
    first = host_of(service)

    service.delete("one")
    until(lambda: not alive(first))
    service.must_post("two", path, "melang")

    assert service.wait_running("two") != [first]


def test_an_error_is_the_result_of_the_run_and_in_the_log(service: Service, script: Script) -> None:
    path = script("bad.m", "a = 1;\nb = 'x' - 1;\n")
    service.must_post("bad", path, "melang")

    ends = service.wait_ends("bad")

    message = f"{path}:2: Operation NOT support."
    assert ends == [(0, 1, None, message)]
    assert log(service, "bad") == message.encode() + b"\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = 1;\nb = ;\n", "{path}:2: "),
        ('#include "nowhere.m"\n', "{path}:"),
        ("s = 'abc", "{path}:1: "),
    ],
    ids=["syntax", "include", "string"],
)
def test_a_script_that_cannot_be_parsed_is_refused_with_its_line(
    service: Service, script: Script, text: str, reason: str
) -> None:
    path = script("a.m", text)

    answer = service.post("bad", path, "melang")

    assert answer.status == 422, answer
    assert answer.body["field"] == "cmd"
    assert answer.body["msg"].startswith(reason.format(path=path))
    assert service.tasks() == {}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("stdin", "pipe"),
        ("tty", True),
        ("sockets", [{"name": "http", "address": "127.0.0.1:18699"}]),
        ("output.separate", {"separate": True}),
        ("readiness", {"notify": True}),
        ("interpreter", "/usr/bin/env"),
    ],
)
def test_a_field_that_means_nothing_for_a_script_is_refused(
    service: Service, script: Script, field: str, given: object
) -> None:
    path = script("a.m", FOREVER)

    answer = service.post("bad", path, "melang", **{field.partition(".")[0]: given})

    assert answer.status == 422, answer
    assert answer.body["field"] == field
    assert service.tasks() == {}


def test_a_missing_script_is_refused(service: Service) -> None:
    answer = service.post("none", "/nowhere/a.m", "melang")

    assert answer.status == 422
    assert answer.body["msg"] == "/nowhere/a.m: No such file or directory"


def test_when_the_host_is_killed_each_task_does_as_its_policy_says(
    service: Service, script: Script
) -> None:
    path = script("a.m", FOREVER)
    service.must_post("once", path, "melang", 2)
    service.must_post("again", path, "melang", restart="always", interval=0.1)
    service.wait_running("once", 2)
    service.wait_running("again")
    first = host_of(service)

    os.kill(first, signal.SIGKILL)
    ends = service.wait_ends("once", 2)
    service.wait_ends("again")

    error = "its script host ended: killed by signal 9"
    assert sorted(ends) == [(0, None, None, error), (1, None, None, error)]
    assert service.ends("again") == [(0, None, None, error)]
    assert until(lambda: service.running("again")) == [host_of(service)] != [first]
    assert service.running("once") == []


def test_when_the_manager_is_killed_coroutines_go_on_and_lose_nothing(
    service: Service, script: Script
) -> None:
    service.must_post("count", script("a.m", COUNTER), "melang", 2)
    wait_log(service, "count", b"\n9\n")
    wait_log(service, "count", b"\n9\n", 1)
    pids = service.running("count")

    for generation in (2, 3):
        os.kill(manager_of(service), signal.SIGKILL)
        service.wait_event("listening", 2 * generation)
        seen = len(log(service, "count"))
        until(lambda seen=seen: len(log(service, "count")) > seen + 50)

    assert service.running("count") == pids
    assert service.delete("count").status == 200
    for index in (0, 1):
        numbers = [int(n) for n in service.segments("count", index).split()]
        assert numbers == list(range(len(numbers)))
    assert len(service.ends("count")) == 2


def test_an_end_while_the_manager_is_away_is_not_lost(
    service: Service, script: Script, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    text = f"""
    sys = Import('sys');
    sys.print('begun');
    while (!sys.exist('{go}'))
        sys.msleep(10);
    sys.print('last words');
    """
    service.must_post("task", script("a.m", text), "melang")
    wait_log(service, "task", b"begun")
    manager = manager_of(service)

    os.kill(manager, signal.SIGSTOP)
    go.touch()
    time.sleep(0.3)  # The script ends; nobody is there to be told.
    os.kill(manager, signal.SIGKILL)

    assert service.wait_ends("task") == [(0, 0, None, None)]
    assert b"last words" in wait_log(service, "task", b"last words")


def test_a_script_that_computes_for_ever_does_not_stop_its_neighbours(
    service: Service, script: Script
) -> None:
    service.must_post("busy", script("busy.m", "while (1) {}"), "melang", 2)
    service.must_post("count", script("a.m", COUNTER), "melang")

    wait_log(service, "count", b"\n20\n")

    assert service.delete("busy").status == 200
    assert service.running("count") == [host_of(service)]


def test_a_script_that_prints_without_end_does_not_stop_its_neighbours(
    service: Service, script: Script
) -> None:
    flood = "sys = Import('sys'); while (1) sys.print('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx');"
    service.must_post("flood", script("flood.m", flood), "melang")
    service.must_post("count", script("a.m", COUNTER), "melang")
    wait_log(service, "count", b"\n5\n")
    manager = manager_of(service)

    os.kill(manager, signal.SIGSTOP)  # Nobody reads: the pipe is full at once.
    time.sleep(0.3)
    os.kill(manager, signal.SIGKILL)
    service.wait_event("listening", 4)
    wait_log(service, "count", b"\n40\n")

    assert service.delete("flood").status == 200


def test_a_host_of_its_own_has_the_limit_on_memory(service: Service, script: Script) -> None:
    eat = "s = 'x'; while (1) s = s + s;"
    service.must_post("stays", script("a.m", FOREVER), "melang")
    service.must_post(
        "eats", script("eat.m", eat), "melang", isolate=True, limits={"memory_max": "96M"}
    )

    service.wait_running("stays")
    ends = service.wait_ends("eats")

    assert ends[0][3] is not None
    assert "memory" in ends[0][3].lower() or "host ended" in ends[0][3]
    assert service.running("stays") == [host_of(service)]


def test_isolated_tasks_have_a_host_each(service: Service, script: Script) -> None:
    path = script("a.m", FOREVER)
    service.must_post("alone", path, "melang", 2, isolate=True)
    service.must_post("shared", path, "melang")
    service.must_post("nice", path, "melang", nice=5)

    alone = service.wait_running("alone", 2)
    (shared,) = service.wait_running("shared")
    (nice,) = service.wait_running("nice")

    assert alone == [host_of(service, "@melang.alone")] * 2
    assert len({alone[0], shared, nice}) == 3
    assert os.getpriority(os.PRIO_PROCESS, nice) == 5
    service.delete("alone")
    until(lambda: not alive(alone[0]))


def test_interval_and_restart_policy_hold_for_scripts(service: Service, script: Script) -> None:
    path = script("a.m", "sys = Import('sys'); sys.print('x');")
    service.must_post("again", path, "melang", restart="always", interval=0.05)

    ends = service.wait_ends("again", 3)

    assert ends[:3] == [(0, 0, None, None)] * 3
    assert log(service, "again").startswith(b"x\nx\n")


def test_a_cron_expression_starts_scripts(service: Service, script: Script) -> None:
    path = script("a.m", "sys = Import('sys'); sys.print('tick');")
    answer = service.post("tick", path, "melang", cron="* * * * * *")
    assert answer.status == 200, answer

    service.wait_ends("tick", 2)

    assert log(service, "tick").startswith(b"tick\ntick\n")


def test_dependencies_hold_between_scripts_and_processes(
    service: Service, script: Script, tmp_path: Path
) -> None:
    path = script("a.m", "sys = Import('sys'); sys.msleep(200); sys.print('made');")
    reader = script("b.m", "sys = Import('sys'); sys.print('second');")
    service.must_post("first", path, "melang")
    service.must_post("process", "echo process", deps=["first"])
    service.must_post("second", reader, "melang", deps=["process"])

    service.wait_ends("second")

    started = [line["task"] for line in service.events("started")]
    assert started == ["@melang", "first", "process", "second"]
    assert service.tasks()["second"]["deps"] == ["process"]


def test_what_a_script_starts_by_eval_belongs_to_its_run(service: Service, script: Script) -> None:
    child = script("child.m", FOREVER)
    path = script("a.m", f"Eval('{child}'); sys = Import('sys'); sys.print('parent');")
    service.must_post("family", path, "melang")

    wait_log(service, "family", b"begun")
    assert service.ends("family") == []
    service.delete("family")

    assert service.ends("family") == [(0, 0, None, None)]


def test_a_command_of_a_script_has_the_variables_of_the_task_and_ends_with_it(
    service: Service, script: Script, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    stubborn = script(
        "stubborn.sh",
        f"""
        trap '' TERM
        sleep 1000 & echo $$ $! > {pids}.new; mv {pids}.new {pids}
        while :; do sleep 1000; done
    """,
    )
    text = f"sys = Import('sys'); sys.exec('exec sh {stubborn}');"
    path = script("a.m", text)
    service.must_post("runs", path, "melang", env={"X": "y"}, stop_timeout=0.2)
    shell, child = map(int, until(lambda: pids.read_text() if pids.exists() else "").split())
    environ = Path(f"/proc/{shell}/environ").read_bytes().split(b"\0")

    service.delete("runs")

    assert b"PROCTOR_TASK=runs" in environ
    assert b"X=y" in environ
    until(lambda: not alive(shell) and not alive(child))


def test_our_own_tasks_are_nobody_elses(service: Service, script: Script) -> None:
    service.must_post("one", script("a.m", FOREVER), "melang")
    service.wait_running("one")

    assert service.delete("@melang").status in (400, 404)
    assert service.put("@melang").status in (400, 404)
    assert service.request("GET", "/proc/output?name=@melang").status in (400, 404)
    assert service.post("@x", "true").status == 400
    assert service.running("one") == [host_of(service)]


def test_scripts_go_on_after_the_service_was_started_anew(
    instance: Instance, script: Script
) -> None:
    service = instance().start()
    path = script("a.m", FOREVER)
    service.must_post("again", path, "melang", cron="* * * * * *", enabled=False)
    service.must_post("ended", path, "melang")
    service.wait_running("ended")
    assert service.stop() == 0

    service.start()
    assert service.put("ended").status == 200

    assert service.wait_running("ended") == [host_of(service)]


def test_when_the_keeper_dies_scripts_go_on(instance: Instance, script: Script) -> None:
    service = instance().start()
    service.must_post("count", script("a.m", COUNTER), "melang")
    wait_log(service, "count", b"\n9\n")
    pids = service.running("count")
    service.kill_keeper()
    service.wait()

    service.start()
    seen = len(log(service, "count"))
    until(lambda: len(log(service, "count")) > seen + 50)

    assert service.running("count") == pids
    service.delete("count")
    numbers = [int(n) for n in service.segments("count", 0).split()]
    assert numbers == list(range(len(numbers)))


def test_a_task_that_is_isolated_later_changes_its_host(service: Service, script: Script) -> None:
    path = script("a.m", FOREVER)
    task = {"name": "moves", "type": "melang", "cmd": path}
    service.must_post("moves", path, "melang")
    service.wait_running("moves")
    shared = host_of(service)

    answer = service.request("PUT", "/v1/tasks/moves", {**task, "isolate": True})
    until(lambda: not alive(shared))
    (own,) = service.wait_running("moves")
    back = service.request("PATCH", "/v1/tasks/moves", {"isolate": False})
    until(lambda: not alive(own))

    assert answer.body["restarts"] == ["moves:0"]
    assert back.status == 200
    assert service.wait_running("moves") == [host_of(service)]
    assert back.body["task"]["spec"].get("deps", []) == []


def test_hosts_are_in_no_list_of_v1(service: Service, script: Script) -> None:
    service.must_post("one", script("a.m", FOREVER), "melang")
    service.wait_running("one")

    tasks = service.request("GET", "/v1/tasks").body
    graph = service.request("GET", "/v1/graph").body
    stopped = service.request("POST", "/v1/stop", {"tasks": ["*"]})
    host = service.request("GET", "/v1/tasks/@melang")

    assert [task["name"] for task in tasks["tasks"]] == ["one"]
    assert [node["name"] for node in graph["nodes"]] == ["one"]
    assert graph["edges"] == []
    assert stopped.status in (200, 202)
    assert "@" not in stopped.raw.decode()
    assert host.status == 404


def test_a_reload_keeps_scripts_and_what_they_say(service: Service, script: Script) -> None:
    service.must_post("count", script("a.m", COUNTER), "melang")
    wait_log(service, "count", b"\n9\n")
    pids = service.running("count")

    assert service.request("POST", "/v1/reload").status == 202
    service.wait_event("listening", 4)
    seen = len(log(service, "count"))
    until(lambda: len(log(service, "count")) > seen + 50)

    assert service.running("count") == pids
    service.delete("count")
    numbers = [int(n) for n in service.segments("count", 0).split()]
    assert numbers == list(range(len(numbers)))

"""Ready means ready: each kind of check on real processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.system.service import Service, alive, until
from tests.system.test_sockets import free_port

from .tasks import Tasks

PYTHON = [sys.executable, "-I", "-c"]
QUICK = {"period": 0.05, "timeout": 5}


def server(port: int, gate: Path) -> list[str]:
    """A web server that begins to listen when the file is there, and says so."""
    return [
        *PYTHON,
        f"""
import http.server, os, sys, time
while not os.path.exists({str(gate)!r}):
    time.sleep(0.02)
http.server.HTTPServer.allow_reuse_address = True
server = http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler)
print("listening now", flush=True)
server.serve_forever()
""",
    ]


NOTIFIER = [
    *PYTHON,
    """
import os, socket, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    address = os.environ["NOTIFY_SOCKET"]
    sock.connect("\\0" + address[1:] if address[0] == "@" else address)
    sock.send(b"READY=1\\nSTATUS=serving")
time.sleep(1000)
""",
]


@pytest.mark.parametrize("kind", ["exec", "http", "tcp", "log_line", "file", "notify"])
def test_a_replica_is_ready_when_its_check_says_so_and_not_before(
    tasks: Tasks, tmp_path: Path, kind: str
) -> None:
    port, gate = free_port(), tmp_path / "go"
    way: dict[str, object] = {
        "exec": f"test -e {gate}",
        "http": f"http://127.0.0.1:{port}/",
        "tcp": f"127.0.0.1:{port}",
        "log_line": "listening now",
        "file": str(gate),
        "notify": True,
    }
    cmd = [*NOTIFIER, str(gate)] if kind == "notify" else server(port, gate)
    more = {} if kind in ("notify", "log_line") else QUICK

    tasks.add("web", cmd, readiness={kind: way[kind], **more})
    tasks.wait_replica("web", lambda r: r["state"] == "up")
    if more:
        tasks.wait_replica("web", lambda r: r["checks"] and r["checks"][0]["failures"] >= 2)
    assert tasks.replica("web")["ready"] is False
    assert tasks.see("web")["state"] == "starting"
    gate.touch()

    tasks.wait_ready("web")
    assert tasks.see("web")["state"] == "running"
    assert [run["exit"] for run in tasks.runs("web")] == [None]


TALKER = [
    *PYTHON,
    """
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
print("a watchdog of", os.environ.get("WATCHDOG_USEC"), flush=True)
for line in sys.stdin:
    sock.send(line.strip().encode())
""",
]


def test_what_a_task_notifies_holds_at_once_and_its_words_are_shown(tasks: Tasks) -> None:
    watchdog = {"notify": True, "period": 1000}
    tasks.add("web", TALKER, stdin="pipe", readiness={"notify": True}, liveness=watchdog)

    def say(words: str) -> None:
        tasks.service.request("POST", f"/v1/tasks/{tasks.named('web')}/stdin", words + "\n")

    tasks.wait_replica("web", lambda r: r["state"] == "up")
    say("STATUS=loading the index")
    tasks.wait_replica("web", lambda r: r["checks"][0]["text"] == "loading the index")
    assert tasks.see("web")["state"] == "starting"
    say("READY=1")
    tasks.wait_ready("web")
    say("RELOADING=1")
    tasks.wait_replica("web", lambda r: r["reason"] == "readiness: reloading")
    say("READY=1")
    tasks.wait_ready("web")
    say("STOPPING=1")
    tasks.wait_replica("web", lambda r: r["reason"] == "readiness: stopping")
    (told,) = tasks.service.output(tasks.named("web")).values()
    assert told == b"a watchdog of 1000000000\n"


def test_who_is_no_more_ready_is_said_to_be_so_and_goes_on(tasks: Tasks, tmp_path: Path) -> None:
    flag = tmp_path / "ready"
    flag.touch()
    tasks.add("web", "sleep 1000", readiness={"file": str(flag), "failures": 2, **QUICK})
    pid = tasks.wait_ready("web")
    flag.unlink()

    replica = tasks.wait_replica("web", lambda r: not r["ready"])

    assert (replica["state"], replica["pid"]) == ("up", pid)
    assert "does not exist" in replica["reason"]
    flag.touch()
    assert tasks.wait_ready("web") == pid


def test_what_fails_its_liveness_check_is_restarted_with_the_reason_on_record(
    tasks: Tasks, tmp_path: Path
) -> None:
    well = tmp_path / "well"
    well.touch()
    tasks.add("web", "sleep 1000", liveness={"exec": f"cat {well}", "failures": 2, **QUICK})
    pid = tasks.wait_ready("web")
    well.unlink()

    first, *_ = tasks.ended("web", 1)

    well.touch()
    tasks.wait_replica("web", lambda r: r["pid"] not in (None, pid))
    assert "liveness" in str(first["exit"])
    assert "No such file" in str(first["exit"])


def test_a_slow_boot_has_a_budget_of_its_own(tasks: Tasks, tmp_path: Path) -> None:
    booted = tmp_path / "booted"
    tasks.add(
        "web",
        "sleep 1000",
        startup={"file": str(booted), "failures": 1000, **QUICK},
        liveness={"exec": "false", "failures": 1, **QUICK},
    )
    tasks.wait_replica("web", lambda r: r["checks"] and r["checks"][0]["failures"] >= 3)

    # Its liveness check would have failed at once: it is not asked before it has booted.
    assert [check["name"] for check in tasks.replica("web")["checks"]] == ["startup"]
    assert tasks.replica("web")["ready"] is False
    booted.touch()

    assert "liveness" in str(tasks.ended("web", 1)[0]["exit"])


def test_what_does_not_boot_in_its_time_is_restarted(tasks: Tasks) -> None:
    tasks.add("web", "sleep 1000", startup={"exec": "exit 7", "failures": 3, **QUICK})

    assert "startup" in str(tasks.ended("web", 1)[0]["exit"])


def test_a_check_that_hangs_is_a_failure_and_leaves_no_process(
    tasks: Tasks, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    hang = f"echo $$ >> {pids}; sleep 1000"
    tasks.add("web", "sleep 1000", readiness={"exec": hang, "period": 0.05, "timeout": 0.2})

    replica = tasks.wait_replica("web", lambda r: r["checks"] and r["checks"][0]["failures"] >= 2)

    assert replica["checks"][0]["text"] == "no end within 0.2 s"
    first, *_ = map(int, pids.read_text().split())
    assert not alive(first)


def test_a_check_that_goes_on_ends_with_its_task(tasks: Tasks, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    hang = f"trap '' TERM; setsid sleep 1000 & echo $! >>{note}; echo $$ >>{note}; wait"
    tasks.add("web", "sleep 1000", readiness={"exec": hang, "period": 0.05, "timeout": 60})
    pids = [int(word) for word in until(lambda: two_lines(note))]

    assert tasks.service.delete(tasks.named("web")).status == 200

    assert not any(map(alive, pids))


def test_a_stop_command_has_its_time_though_the_run_is_over(tasks: Tasks, tmp_path: Path) -> None:
    note = tmp_path / "note"
    end = f"kill $(cat {note}.pid); (trap '' TERM; exec sleep 1000) & echo $! >{note}.left;"
    tasks.add(
        "web",
        f"echo $$ >{note}.pid; exec sleep 1000",
        stop_command=f"{end} sleep 0.5; echo drained >{note}",
    )
    until(Path(f"{note}.pid").exists)

    assert tasks.service.delete(tasks.named("web")).status == 200

    assert note.read_text() == "drained\n"
    assert not alive(int(Path(f"{note}.left").read_text()))


def test_a_stop_command_knows_its_process_and_its_failure_is_told(
    tasks: Tasks, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    fail = f"echo $PROCTOR_RUN $PROCTOR_PID >{note}; echo no way; exit 3"
    tasks.add("web", "exec sleep 1000", stop_command=fail)
    pid = tasks.wait_ready("web")
    run = tasks.replica("web")["run"]

    tasks.service.request("POST", f"/v1/tasks/{tasks.named('web')}/stop?wait=30")

    assert note.read_text() == f"{run} {pid}\n"
    assert tasks.reasons("web", "replica.stop_command_failed") == ["exited 3: no way"]


def test_a_check_that_went_on_when_the_manager_died_is_asked_anew_without_alarm(
    own: Service, tmp_path: Path
) -> None:
    note = tmp_path / "pids"
    hang = {"exec": f"echo $$ >>{note}; exec sleep 1000", "period": 0.05, "timeout": 60}
    own.start().must_post("web", "sleep 1000", type="daemon", readiness=hang)
    until(note.exists)

    own.kill_manager()

    first, _ = until(lambda: two_lines(note))
    until(lambda: not alive(int(first)))
    assert not [line for line in own.lines if "on no record" in line["event"]]


def two_lines(path: Path) -> list[str] | None:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines if len(lines) == 2 else None

"""The service as its operator meets it: start, refusal, listening, stop."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Instance
from .service import PATIENCE, Service, until

TERM_IGNORER = "trap '' TERM; echo; while :; do sleep 1; done"


def refused(service: Service, *arguments: str) -> str:
    """Start a service that cannot work; return the one line that it said."""
    seen = len(service.text)
    service.spawn(*arguments)
    assert service.wait() == 2
    (line,) = service.text[seen:]
    assert "Traceback" not in line
    return line


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_instance_on_the_same_directory_is_refused(instance: Instance) -> None:
    first, second = instance().start(), instance()
    first.must_post("daemon", "sleep 1000", type="daemon")
    pids = first.wait_running("daemon")
    second.state_dir = first.state_dir

    line = refused(second)

    assert "another proctor" in line
    assert str(first.keeper_pid) in line
    assert first.running("daemon") == pids


def test_a_port_in_use_is_refused(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        line = refused(instance(), "--port", str(port))

    assert str(port) in line
    assert os.strerror(98) in line


def test_a_directory_that_cannot_be_is_refused(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        service = instance()
        service.state_dir = path

        line = refused(service)

        assert str(path) in line


def test_a_directory_of_others_is_not_taken_over(instance: Instance, tmp_path: Path) -> None:
    service = instance()
    service.state_dir = tmp_path / "shared"
    service.state_dir.mkdir()
    service.state_dir.chmod(0o755)
    (service.state_dir / "precious").touch()

    line = refused(service)

    assert "others can read it" in line
    assert mode(service.state_dir) == 0o755
    assert [path.name for path in service.state_dir.iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("port = 'eighty'", "port"),
        ("prot = 80", "prot"),
        ("port = ", "TOML"),
        ("port = 70000", "port"),
        ("timezone = 'Mars/Olympus'", "timezone"),
        ("[log]\nlevel = 'loud'", "level"),
        ("\udcff", "UTF-8"),
    ],
)
def test_a_bad_setting_is_refused_and_named(
    instance: Instance, tmp_path: Path, toml: str, said: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(toml.encode("utf-8", "surrogateescape"))

    line = refused(instance(), "--config", str(file))

    assert said in line
    assert str(file) in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "port"),
        (["--config", "/no/such/file"], "/no/such/file"),
        (["--token-file", "/no/such/file"], "/no/such/file"),
        (["--unix-socket", "/no/such/directory/socket"], "/no/such/directory/socket"),
        (["--unix-socket", "/" + "x" * 200], "unix_socket"),
        (["--host", "0.0.0.0"], "token"),
        (["--host", "203.0.113.7", "--insecure"], "203.0.113.7"),
        (["--host", "no.such.host.invalid", "--insecure"], "no.such.host.invalid"),
    ],
)
def test_a_bad_option_is_refused_and_named(
    instance: Instance, arguments: list[str], said: str
) -> None:
    assert said in refused(instance(), *arguments)


@pytest.mark.parametrize("arguments", [("--prot", "80"), ("--port", "eighty")])
def test_what_is_no_option_is_a_usage_error(instance: Instance, arguments: list[str]) -> None:
    service = instance()
    service.spawn(*arguments)

    assert service.wait() == 2
    assert any(arguments[0] in line for line in service.text)


def test_only_the_user_can_look_into_state_and_socket(instance: Instance) -> None:
    before = os.umask(0)
    try:
        service = instance().start()
    finally:
        os.umask(before)
    service.must_post("task", "echo secret")
    until(lambda: service.output("task") == {"task:0": b"secret\n"})

    assert mode(service.state_dir) == 0o700
    assert mode(service.state_dir / "proctor.sock") == 0o600
    assert mode(service.state_dir / "logs") == 0o700


def test_the_unix_socket_is_the_same_api(instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "own.sock"
    service = instance("--unix-socket", str(path)).start()

    posted = service.request_unix(
        path, "POST", "/proc", {"name": "a", "type": "once", "cmd": "exit 3", "replica": 1}
    )

    assert posted.status == 200
    assert service.wait_ends("a") == [(0, 3, None, None)]
    assert "a" in service.request_unix(path, "GET", "/proc").body["data"]["tasks"]
    assert mode(path) == 0o600
    service.kill_manager()
    assert service.request_unix(path, "GET", "/proc").status == 200
    assert service.stop() == 0
    service.start()  # What the first left of its socket is in nobody's way.
    assert service.request_unix(path, "GET", "/proc").status == 200


def test_all_addresses_need_a_token(instance: Instance) -> None:
    service = instance("--host", "0.0.0.0", env={"PROCTOR_TOKEN": "sesame"}).start()

    assert service.request("GET", "/proc").status == 401
    wrong = {"Authorization": "Bearer sesame!"}
    assert service.request("GET", "/proc", headers=wrong).status == 401
    assert service.post("a", "true").status == 401
    service.token = "sesame"
    service.must_post("a", "env | grep -c PROCTOR_TOKEN")
    assert service.wait_ends("a") == [(0, 1, None, None)]  # Tasks do not get to know it.
    assert service.output("a") == {"a:0": b"0\n"}


def test_insecure_listens_for_everybody_on_demand(instance: Instance) -> None:
    service = instance("--host", "0.0.0.0", "--insecure").start()

    assert service.request("GET", "/proc").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8606"},
    ],
)
def test_web_pages_cannot_reach_the_api(shared: Service, headers: dict[str, str]) -> None:
    body = {"name": "evil", "type": "once", "cmd": "true", "replica": 1}

    assert shared.request("POST", "/proc", body, headers).status == 403
    assert shared.request("GET", "/proc", headers=headers).status == 403


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_dependents_first_and_exits_0(
    service: Service, tmp_path: Path, number: int
) -> None:
    trace = tmp_path / "trace"

    def task(name: str) -> str:
        return (
            f"trap 'echo {name} asked >>{trace}; sleep 0.2; echo {name} over >>{trace}; exit' TERM;"
            " echo; while :; do sleep 0.02; done"
        )

    service.must_post("db", task("db"), type="daemon")
    service.must_post("app", task("app"), type="daemon", deps=["db"])
    service.must_post("web", task("web"), type="daemon", deps=["app"])
    for name in ("db", "app", "web"):
        until(lambda name=name: service.output(name) == {f"{name}:0": b"\n"})  # type: ignore[misc]

    assert service.stop(number) == 0

    order = [f"{name} {what}" for name in ("web", "app", "db") for what in ("asked", "over")]
    assert trace.read_text().splitlines() == order
    assert service.processes() == []
    assert service.events("stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_before_the_keeper_is_ready_is_not_lost(
    instance: Instance, number: int
) -> None:
    service = instance()
    service.spawn()
    until(lambda: len(service.managers()) == 2)  # The one to be the keeper, and its manager.

    assert service.stop(number) == 0
    assert service.events("stopped")


def test_tasks_that_need_nothing_of_each_other_stop_side_by_side(
    service: Service, tmp_path: Path
) -> None:
    # Each ends only when the other one has been asked to end as well.
    for mine, other in (("a", "b"), ("b", "a")):
        service.must_post(
            mine,
            f"trap 'touch {tmp_path}/{mine}; while [ ! -e {tmp_path}/{other} ]; do sleep 0.01;"
            " done; exit 0' TERM; echo; while :; do sleep 0.02; done",
            stop_timeout=600,
        )
        until(lambda mine=mine: service.output(mine) == {f"{mine}:0": b"\n"})  # type: ignore[misc]

    assert service.stop() == 0

    assert service.ends("a") == service.ends("b") == [(0, 0, None, None)]


def test_a_second_interrupt_forces(service: Service) -> None:
    service.must_post("deaf", TERM_IGNORER, stop_timeout=600)
    until(lambda: service.output("deaf") == {"deaf:0": b"\n"})

    service.send(signal.SIGINT)
    service.wait_event("stopping")
    service.send(signal.SIGINT)

    service.wait()
    assert service.processes() == []
    assert service.ends("deaf") == [(0, None, signal.SIGKILL, None)]


def test_it_can_be_stopped_while_there_is_no_manager(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    service.wait_running("daemon")
    os.kill(service.keeper_pid, signal.SIGSTOP)
    service.kill_manager()
    service.send(signal.SIGTERM)
    os.kill(service.keeper_pid, signal.SIGCONT)

    service.wait()

    assert service.processes() == []


def test_requests_while_it_stops_are_answered(service: Service, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    service.must_post(
        "slow",
        f"trap 'while [ ! -e {gate} ]; do sleep 0.01; done; exit' TERM; echo;"
        " while :; do sleep 0.02; done",
        stop_timeout=600,
    )
    until(lambda: service.output("slow") == {"slow:0": b"\n"})
    service.send(signal.SIGTERM)
    service.wait_event("stopping")

    assert len(service.running("slow")) == 1
    assert service.post("late", "true").status == 503
    assert service.put("slow").status == 503
    gate.touch()
    assert service.wait() == 0


def test_closed_standard_streams_do_no_harm(instance: Instance) -> None:
    service = instance("--unix-socket", "none")
    service.state_dir.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        service.port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "proctor", "serve", "--state-dir", str(service.state_dir)]
    argv += ["--port", str(service.port), "--unix-socket", str(service.state_dir / "s")]
    shell = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *argv], env=service.environment()
    )
    try:
        until(lambda: (service.state_dir / "s").exists())
        until(lambda: answers(service))
        service.must_post("a", "echo out; echo err >&2; cat; ls -l /proc/self/fd | wc -l")
        service.wait_ends("a")
        assert service.output("a")["a:0"].startswith(b"out\nerr\n")
    finally:
        shell.terminate()
        assert shell.wait(PATIENCE) == 0


def answers(service: Service) -> bool:
    try:
        return service.request("GET", "/proc").status == 200
    except OSError:
        return False


def test_under_nohup_a_hang_up_changes_nothing(instance: Instance) -> None:
    service = instance().start(prefix=["nohup"])
    manager = service.manager_pid()

    service.send(signal.SIGHUP)
    service.kill_manager()
    service.wait_event("manager started")

    assert not service.events("reload")
    assert service.get()["tasks"] == {}
    assert service.manager_pid() != manager


def test_tasks_get_nothing_but_their_three_descriptors(service: Service) -> None:
    service.must_post("fds", "ls /proc/self/fd; readlink /proc/self/fd/0", replica=2)
    service.wait_ends("fds", 2)

    for output in service.output("fds").values():
        # ls itself has the directory open.
        assert output.split() == [b"0", b"1", b"2", b"3", b"/dev/null"]

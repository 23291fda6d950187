"""What nobody would do, and somebody does."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Instance
from .service import Service, alive, counted, counter, until

_probes = itertools.count()


def healthy(service: Service) -> bool:
    """Whether a task can be run, its output and its exit code be had, and be removed."""
    name = f"probe{next(_probes)}"
    service.must_post(name, f"echo {name}; exit 3")
    service.wait_ends(name)
    until(lambda: service.output(name) == {f"{name}:0": f"{name}\n".encode()})
    return service.ends(name)[0][1] == 3 and service.delete(name).status == 200


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0" * 5000,
        os.urandom(100_000),
        b"GET /proc HTTP/9.9\r\n\r\n",
        b"POST /proc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /proc HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /proc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /proc HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=["zeros", "noise", "version", "huge", "negative", "chunk", "path", "headers", "tls", "h2c"],
)
def test_rubbish_on_the_socket_harms_nobody(shared: Service, rubbish: bytes) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=30) as client:
        answer = b""
        try:
            client.sendall(rubbish)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:
            pass  # Hanging up is an answer, too.

    assert b" 500 " not in answer[:20]
    assert b"Traceback" not in answer
    assert healthy(shared)


def test_many_idle_connections_keep_nobody_out(shared: Service) -> None:
    clients = [socket.create_connection(("127.0.0.1", shared.port)) for _ in range(300)]
    for client in clients[::2]:
        client.sendall(b"POST /proc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    try:
        assert healthy(shared)
    finally:
        for client in clients:
            client.close()
    assert healthy(shared)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"task"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe{}",
        b'{"name":"a\\u0000b","type":"once","cmd":"true","replica":1}',
        b'{"name":"a","type":"once","cmd":"tr\\u0000ue","replica":1}',
        b'{"name":"../a","type":"once","cmd":"true","replica":1}',
        b'{"name":"","type":"once","cmd":"true","replica":1}',
        b'{"name":"a","type":"once","cmd":"","replica":1}',
        b'{"name":"a","type":"once","cmd":"true"}',
        b'{"name":"a","type":"twice","cmd":"true","replica":1}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"replicas":2}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"interval":-1}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"interval":NaN}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"deps":"b"}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"cron":"* * * * *"}',
        b'{"name":"a","type":"once","cmd":"true","replica":1,"user":7}',
        b'{"name":"' + b"a" * 129 + b'","type":"once","cmd":"true","replica":1}',
        b'{"name":"a","type":"once","cmd":"' + b"x" * 140_000 + b'","replica":1}',
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_changed(shared: Service, body: bytes) -> None:
    answer = shared.request("POST", "/proc", body)

    assert answer.status == answer.body["code"] == 400, answer
    assert answer.body["msg"]
    assert shared.get() == {"running": [], "tasks": {}}


def test_a_body_that_is_too_big_is_refused(shared: Service) -> None:
    assert shared.request("POST", "/proc", b" " * ((1 << 20) + 1)).status == 413


def test_a_client_that_never_ends_its_body_is_cut_off(instance: Instance, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[http]\nbody_timeout = 0.3\n")
    service = instance("--config", str(settings)).start()

    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        head = b"POST /proc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
        client.sendall(head)
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert healthy(service)


def test_a_manager_that_is_suspended_goes_on_where_it_was(service: Service) -> None:
    service.must_post("count", counter(), type="daemon")
    (pid,) = service.wait_running("count")
    manager = service.manager_pid()
    os.kill(manager, signal.SIGSTOP)
    service.send(signal.SIGCONT)  # The keeper takes no notice.
    os.kill(manager, signal.SIGCONT)

    assert service.running("count") == [pid]
    assert service.manager_pid() == manager
    assert healthy(service)


def test_the_service_ends_though_its_manager_is_suspended(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    service.wait_running("daemon")
    os.kill(service.manager_pid(), signal.SIGSTOP)

    for _ in range(3):
        service.send(signal.SIGINT)
        service.wait_event("asked to stop", times=_ + 1)

    service.wait()
    assert service.processes() == []


def test_logs_that_are_deleted_begin_anew(service: Service) -> None:
    service.must_post("count", counter(), type="daemon")
    (pid,) = service.wait_running("count")
    until(lambda: service.segments("count"))

    shutil.rmtree(service.state_dir / "logs")

    assert service.request("GET", "/proc/output?name=count").status == 200
    assert service.running("count") == [pid]
    assert healthy(service)
    assert service.put("count").status == 200
    until(lambda: service.output("count").get("count:0"))


def test_a_unix_socket_that_is_deleted_comes_back_with_the_next_service(
    service: Service, tmp_path: Path
) -> None:
    path = service.state_dir / "proctor.sock"
    path.unlink()

    assert healthy(service)
    service.kill_manager()
    assert healthy(service)
    assert service.stop() == 0
    service.start()
    assert service.request_unix(path, "GET", "/proc").status == 200


def test_a_database_that_is_deleted_under_it_does_no_harm_to_tasks(service: Service) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    (pid,) = service.wait_running("daemon")

    for path in service.state_dir.glob("proctor.db*"):
        path.unlink()

    assert service.running("daemon") == [pid]
    assert service.delete("daemon").status in (200, 507)


def test_a_low_soft_limit_of_descriptors_is_raised(instance: Instance) -> None:
    limited = ["/bin/sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh"]
    service = instance().start(prefix=limited)

    service.must_post("crowd", "exec sleep 1000", type="daemon", replica=200)
    service.must_post("limit", "ulimit -S -n")

    service.wait_running("crowd", 200)
    service.wait_ends("limit")
    assert service.output("limit") == {"limit:0": b"64\n"}  # Ours alone: tasks get what we got.
    assert healthy(service)


def test_many_connections_under_few_descriptors(instance: Instance) -> None:
    limited = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]
    service = instance().start(prefix=limited)
    service.may_log_tracebacks = True  # asyncio says that it cannot accept.
    clients = []
    for _ in range(100):
        clients.append(socket.create_connection(("127.0.0.1", service.port)))
    for client in clients:
        client.close()

    # It may still be accepting those that are gone.
    until(lambda: service.request("GET", "/proc").status == 200)
    assert healthy(service)


def test_a_line_of_200_mb_is_no_trouble(service: Service) -> None:
    service.must_post("long", "head -c 209715200 /dev/zero | tr '\\0' x; echo; exit 5")

    service.wait_ends("long")
    assert service.ends("long") == [(0, 5, None, None)]
    assert healthy(service)


def test_a_mild_fork_bomb_is_stopped(service: Service, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    code = (
        "import os,sys,time\n"
        "for _ in range(4): os.fork()\n"
        "open(sys.argv[1], 'w').close()\n"
        "end = time.monotonic() + 60\n"  # Whatever goes wrong, it ends.
        "while time.monotonic() < end:\n"
        "    time.sleep(0.02)\n"
        "    if os.fork(): os._exit(0)\n"
    )
    service.must_post("bomb", f'exec {sys.executable} -I -S -c "{code}" {beat}', stop_timeout=0.2)
    until(beat.exists)

    assert service.delete("bomb").status == 200

    assert service.processes() == []
    assert healthy(service)


def test_a_read_only_tmp_is_not_needed(instance: Instance, tmp_path: Path) -> None:
    unshare = ["unshare", "--mount", "/bin/sh", "-c"]
    script = f'mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind / && exec "$@"'
    prefix = [*unshare, script, "sh"]
    if os.geteuid() != 0 or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("a mount namespace needs root")

    assert healthy(instance().start(prefix=prefix))


def test_the_terminal_that_hangs_up_ends_the_service(instance: Instance, tmp_path: Path) -> None:
    service = instance()
    ours, theirs = os.openpty()
    argv = [sys.executable, "-m", "proctor", "serve", "--state-dir", str(service.state_dir)]
    child = subprocess.Popen(
        ["setsid", "--ctty", *argv, "--port", "0"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=service.environment(),
    )
    os.close(theirs)
    shown = b""
    while b"unix:" not in shown:
        shown += os.read(ours, 4096)
    assert b"Traceback" not in shown
    os.close(ours)

    assert child.wait(60) == 0


def test_ctrl_c_in_a_terminal_reaches_the_service_once(instance: Instance) -> None:
    service = instance()
    ours, theirs = os.openpty()
    argv = [sys.executable, "-m", "proctor", "serve", "--state-dir", str(service.state_dir)]
    child = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *argv, "--port", "0"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=service.environment(),
    )
    os.close(theirs)
    shown = b""
    while b"unix:" not in shown:
        shown += os.read(ours, 4096)

    os.write(ours, b"\x03")

    while b"stopped" not in shown:
        shown += os.read(ours, 4096)
    assert child.wait(60) == 0
    assert b"times=2" not in shown
    assert b"Traceback" not in shown
    os.close(ours)


def test_output_without_a_manager_is_kept_up_to_the_pipe(service: Service) -> None:
    service.must_post("count", counter(0.0005), type="daemon")
    (pid,) = service.wait_running("count")
    manager = service.manager_pid()
    os.kill(manager, signal.SIGSTOP)
    # The pipe fills up: the task waits, it is not killed, and nothing is lost.
    until(lambda: Path(f"/proc/{pid}/wchan").read_text() in ("pipe_write", "anon_pipe_write", "0"))
    os.kill(manager, signal.SIGKILL)

    until(lambda: service.running("count") == [pid])
    assert alive(pid)
    assert service.stop() == 0
    output = service.segments("count")
    assert output.endswith(b"end\n")
    counted(output)


def test_an_expression_that_takes_for_ever_is_refused_and_holds_nobody_up(shared: Service) -> None:
    shared.must_post("long", "head -c 300000 /dev/zero | tr '\\0' x; echo")
    shared.wait_ends("long")
    until(lambda: len(shared.output("long").get("long:0", b"")) > 300_000)

    answer = shared.request("GET", "/v1/logs?task=long&grep=[a-z]%2B%5Cd")

    assert answer.status == 400
    assert answer.body["field"] == "grep"
    assert healthy(shared)
    shared.delete("long")

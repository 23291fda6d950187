"""Terminals of tasks, and commands beside them, over WebSockets."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .conftest import Instance
from .service import Service, alive, until

PATIENCE = 30.0
SHELL = ["sh", "-c", "stty size; while read -r line; do eval $line; done; exit 5"]


class Screen:
    """One end of /attach or /exec: `shown` is all that came, `texts` the texts among it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.shown = b""
        self.texts: list[Any] = []

    def until(self, found: bytes) -> None:
        """Wait until it has shown that."""
        while found not in self.shown:
            self._take(self.socket.recv(PATIENCE))

    def end(self) -> str:
        """Wait for the end, and return why the service has closed."""
        for message in self.socket:  # Ends where the code is 1000, else it raises.
            self._take(message)
        return self.socket.close_reason or ""

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.shown += message
        else:
            self.texts.append(json.loads(message))

    def type(self, keys: bytes) -> None:
        self.socket.send(keys)

    def say(self, **message: object) -> None:
        self.socket.send(json.dumps(message))


@contextmanager
def screen(service: Service, path: str) -> Iterator[Screen]:
    with connect(f"ws://127.0.0.1:{service.port}/v1/tasks/{path}", compression=None) as socket:
        yield Screen(socket)


def run(service: Service, name: str, *cmd: str, **more: object) -> Screen:
    """Run a command beside a task, to its end."""
    with screen(service, f"{name}/exec") as it:
        it.say(cmd=cmd, **more)
        it.end()
    return it


def create(service: Service, name: str, cmd: object, **more: object) -> None:
    body = {"name": name, "type": "daemon", "cmd": cmd, **more}
    answer = service.request("POST", "/v1/tasks", body)
    assert answer.status == 201, answer
    service.wait_running(name, int(str(more.get("replica", 1))))


def test_a_terminal_is_seen_used_and_logged(service: Service) -> None:
    create(service, "sh", SHELL, tty=True, env={"TERM": "dumb"})
    with screen(service, "sh/attach") as one, screen(service, "sh:0/attach") as two:
        one.until(b"24 80\r\n")
        one.say(size=[50, 132])
        one.type(b"stty size; tty; echo $TERM\n")
        for viewer in (one, two):
            viewer.until(b"50 132\r\n")
            viewer.until(b"dumb\r\n")
        assert re.search(rb"/dev/pts/\d+\r\n", one.shown)
        two.type(b"trap 'echo resized' WINCH; echo set\n")
        one.until(b"\nset\r\n")
        two.say(size=[20, 40])
        one.until(b"resized")
        two.type(b"\x04")
        assert (one.end(), two.end()) == ("it has ended", "it has ended")

    assert service.wait_ends("sh")[0] == (0, 5, None, None)
    until(lambda: service.segments("sh").startswith(one.shown))


def test_a_terminal_survives_managers(service: Service) -> None:
    create(service, "sh", SHELL, tty=True)
    (pid,) = service.wait_running("sh")
    with screen(service, "sh/attach") as it:
        it.until(b"24 80")
        service.kill_manager()
        with pytest.raises(ConnectionClosed):
            it.end()
    service.wait_generation(2)
    assert service.running("sh") == [pid]

    assert service.request("POST", "/v1/reload").status == 202
    service.wait_generation(3)
    with screen(service, "sh/attach") as it:
        it.type(b"echo still $((40 + 2))\n")
        it.until(b"still 42")
    send = service.request("POST", "/v1/tasks/sh/stdin?eof=true", b"echo by post\n")
    assert send.status == 200
    assert service.wait_ends("sh")[0] == (0, 5, None, None)
    until(lambda: b"\nby post\r\n" in service.segments("sh"))


def test_what_has_no_terminal_cannot_be_attached_to(shared: Service) -> None:
    create(shared, "plain", "sleep 1000")

    with pytest.raises(InvalidStatus) as refused, screen(shared, "plain/attach"):
        pass
    assert refused.value.response.status_code == 409
    assert b"no_input" in refused.value.response.body
    with pytest.raises(InvalidStatus) as refused, screen(shared, "nobody/attach"):
        pass
    assert refused.value.response.status_code == 404
    shared.delete("plain")


def test_a_command_runs_as_the_task_does(instance: Instance) -> None:
    service = instance(env={"FROM_SERVICE": "yes"}).start()
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    more = {"cwd": "/usr", "umask": "027", "env": {"COLOUR": "blue"}, "user": user}
    create(service, "web", "sleep 1000", rlimits={"nofile": 77}, **more)
    runs = service.request("GET", "/v1/tasks/web/runs").body["runs"]

    script = "pwd; umask; ulimit -n; echo $COLOUR $PROCTOR_TASK:$PROCTOR_REPLICA $FROM_SERVICE"
    asked = run(service, "web", "sh", "-c", f"{script}; id -un")

    assert asked.shown.decode() == f"/usr\n0027\n77\nblue web:0 yes\n{user}\n"
    assert asked.texts == [{"code": 0, "signal": None, "error": None}]
    assert service.request("GET", "/v1/tasks/web/runs").body["runs"] == runs
    assert service.output("web") == {"web:0": b""}


def test_a_command_can_be_talked_to_with_and_without_a_terminal(shared: Service) -> None:
    create(shared, "web", "sleep 1000")
    with screen(shared, "web/exec") as plain:
        plain.say(cmd=["sh", "-c", "test -t 0 || echo none; cat; exit 7"])
        plain.until(b"none\n")
        plain.type(b"abc\n")
        plain.until(b"abc\n")
        plain.say(eof=True)
        plain.end()
    assert plain.texts == [{"code": 7, "signal": None, "error": None}]

    with screen(shared, "web/exec") as tty:
        tty.say(cmd=["sh", "-c", "stty size; read x; stty size; kill -KILL $$"], size=[11, 22])
        tty.until(b"11 22\r\n")
        tty.say(size=[33, 44])
        tty.type(b"\n")
        tty.until(b"33 44\r\n")
        tty.end()
    assert tty.texts == [{"code": None, "signal": 9, "error": None}]
    shared.delete("web")


def test_all_of_much_output_arrives(shared: Service) -> None:
    create(shared, "web", "sleep 1000")
    code = "import os\nfor n in range(800): os.write(1, b'%07d\\n' % n * 500)"

    asked = run(shared, "web", sys.executable, "-c", code)

    assert len(asked.shown) == 800 * 500 * 8
    assert asked.shown.endswith(b"0000799\n")
    shared.delete("web")


def test_what_cannot_be_run_says_why(shared: Service) -> None:
    create(shared, "web", "sleep 1000")

    asked = run(shared, "web", "/no/such/program")

    (end,) = asked.texts
    assert end["error"] == "no such file: /no/such/program"
    with screen(shared, "web/exec") as wrong:
        wrong.say(cmd=[])
        with pytest.raises(ConnectionClosed, match="1008"):
            wrong.socket.recv(PATIENCE)
    shared.delete("web")


def test_it_ends_with_its_client_with_all_that_it_started(shared: Service) -> None:
    create(shared, "web", "sleep 1000")
    with screen(shared, "web/exec") as it:
        it.say(cmd=["sh", "-c", "setsid sleep 1000 & echo $! $$; trap '' HUP TERM; wait"])
        it.until(b"\n")
        pids = [int(pid) for pid in it.shown.split()]
        assert all(alive(pid) for pid in pids)

    until(lambda: not any(alive(pid) for pid in pids))
    shared.delete("web")


def test_it_ends_with_its_manager(service: Service) -> None:
    create(service, "web", "sleep 1000")
    with screen(service, "web/exec") as it:
        it.say(cmd=["sh", "-c", "echo $$; exec sleep 1000"])
        it.until(b"\n")
        pid = int(it.shown)
        service.kill_manager()
        until(lambda: not alive(pid))

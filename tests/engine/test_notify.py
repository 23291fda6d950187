"""sd_notify(3): what a run says of itself, over a real socket."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from proctor.engine.notify import NotifyHub, address, parse, verdicts

MARK = 0x7E57 << 32 | os.getpid()
SAY = (
    "import os, socket\n"
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "s.sendto(b'READY=1\\nSTATUS=all well', chr(0) + os.environ['NOTIFY_SOCKET'][1:])\n"
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"READY": "1"}, [("startup", True, "ready"), ("readiness", True, "ready")]),
        ({"RELOADING": "1"}, [("readiness", False, "reloading")]),
        ({"STOPPING": "1", "STATUS": "bye"}, [("readiness", False, "bye")]),
        ({"WATCHDOG": "1"}, [("liveness", True, "watchdog")]),
        ({"WATCHDOG": "trigger"}, [("liveness", False, "watchdog triggered")]),
        ({"STATUS": "busy"}, [("startup", None, "busy"), ("readiness", None, "busy")]),
        ({"MAINPID": "1"}, []),
    ],
)
def test_a_message_answers_the_checks_it_is_about(message, expected):
    assert verdicts(message) == expected


def test_rubbish_is_passed_over():
    assert parse(b"\xff\xfe\nA\n=\nB=1=2\n") == {"": "", "B": "1=2"}


async def heard(act):
    """Return what a hub hears of run 7 after `act`, and what it left with the keeper."""
    loop = asyncio.get_running_loop()
    kept: dict[str, int] = {}
    answer = loop.create_future()
    hub = NotifyHub(kept.__setitem__, kept.__delitem__, loop)
    hub.open(7, MARK, os.geteuid())
    hub.expect(7, "readiness", lambda ok, text: answer.done() or answer.set_result((ok, text)))
    try:
        await asyncio.to_thread(act)
        async with asyncio.timeout(30):
            return await answer, list(kept)
    finally:
        hub.close(7)
        assert kept == {}


def test_a_child_that_says_it_is_ready_is_heard_even_if_it_is_gone_by_then():
    def act():
        env = os.environ | {"NOTIFY_SOCKET": address(MARK)}
        subprocess.run([sys.executable, "-c", SAY], env=env, check=True)

    answer, kept = asyncio.run(heard(act))

    assert answer == (True, "all well")
    assert kept == [f"notify 7 {os.geteuid()}"]


def test_descriptors_that_are_sent_along_are_closed():
    def act():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect("\0" + address(MARK)[1:])
            socket.send_fds(sock, [b"READY=1"], [0])

    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(heard(act))

    assert len(os.listdir("/proc/self/fd")) == before

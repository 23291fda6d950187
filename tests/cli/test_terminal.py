"""`proctor send`, `attach` and `exec`, at a real terminal."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from proctor.cli.terminal import Keys
from tests.system.service import until

from .support import Cli

PATIENCE = 60.0
SHELL = "stty -echo; echo begun; while read -r line; do eval $line; done; echo over"


class Terminal:
    """A terminal with a command in it."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self.master, slave = os.openpty()
        self.resize(24, 80)
        self.modes = termios.tcgetattr(self.master)
        ends = {"stdin": slave, "stdout": slave, "stderr": slave}
        self.process = cli.spawn(*arguments, **ends, start_new_session=True)
        os.close(slave)
        self.shown = ""

    def until(self, found: str) -> None:
        end = time.monotonic() + PATIENCE
        while found not in self.shown:
            assert select.select([self.master], [], [], end - time.monotonic())[0], self.shown
            try:
                self.shown += os.read(self.master, 65536).decode()
            except OSError:  # EIO: the command has ended.
                raise AssertionError(self.shown) from None

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        """Return the exit status, and see that the terminal is as it was."""
        status = self.process.wait(PATIENCE)
        assert termios.tcgetattr(self.master) == self.modes
        return status


@contextmanager
def terminal(cli: Cli, *arguments: str) -> Iterator[Terminal]:
    it = Terminal(cli, *arguments)
    try:
        yield it
    finally:
        it.process.kill()
        it.process.wait()
        os.close(it.master)


@pytest.fixture
def shell(cli: Cli) -> None:
    cli("add", "sh", "--tty", "--", "sh", "-c", SHELL, ok=True)


def add(cli: Cli, name: str, *options: str, cmd: Sequence[str] = ("sleep", "1000")) -> None:
    cli("add", name, *options, "--", *cmd, ok=True)


def test_attach_shows_passes_on_resizes_and_leaves(cli: Cli, shell: None) -> None:
    with terminal(cli, "attach", "sh") as it:
        it.until("begun")
        it.type("stty size\r")
        it.until("24 80")
        it.resize(40, 100)
        os.kill(it.process.pid, signal.SIGWINCH)
        it.type('until [ "$(stty size)" = "40 $((99+1))" ]; do sleep 0.02; done; stty size\r')
        it.until("40 100")
        it.type("\x10\x11")
        it.until("detached")
        assert it.end() == 0

    assert cli.states() == {"sh": "running"}
    with terminal(cli, "attach", "sh:0") as it:
        it.until("40 100")  # What was said last is seen again.
        # The signal may come before the shell reads again: then nothing but the trap ends it.
        it.type("trap 'echo interrupted; echo over; exit 0' INT; echo trapped\r")
        it.until("trapped")
        it.type("\x03")
        it.until("interrupted")
        it.until("over")
        assert it.end() == 0


def test_attach_can_be_piped(cli: Cli, shell: None) -> None:
    piped = cli.spawn(
        "attach", "sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, _ = piped.communicate("echo $((20 + 3)); exit\n", PATIENCE)
    assert piped.returncode == 0
    until(lambda: "23" in out or "23" in cli("logs", "sh").out)


def test_attach_to_what_has_no_terminal_says_so(cli: Cli) -> None:
    add(cli, "plain")

    with terminal(cli, "attach", "plain") as it:
        it.until("plain:0 has no terminal to attach to: it needs `tty`")
        assert it.end() == 1


def test_exec_runs_in_a_terminal_if_there_is_one(cli: Cli) -> None:
    add(cli, "web", "-e", "COLOUR=blue")
    with terminal(cli, "exec", "web", "--", "sh", "-c", "stty size; tty; read x; exit $x") as it:
        it.until("24 80")
        it.until("/dev/pts/")
        it.type("9\r")
        assert it.end() == 9


def test_exec_in_a_pipe_passes_bytes_and_the_status(cli: Cli) -> None:
    add(cli, "web", "-e", "COLOUR=blue")
    script = "cat; printf '%s\\0\\377' $COLOUR; exit 3"
    done = subprocess.run(
        [sys.executable, "-m", "proctor", "exec", "web", "sh", "-c", script],
        env=os.environ | cli.environment,
        input=b"a\xffb",
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (3, b"a\xffbblue\0\xff")


@pytest.mark.parametrize(
    ("cmd", "status"),
    [(("true",), 0), (("sh", "-c", "kill -TERM $$"), 143), (("/no/such/program",), 127)],
)
def test_the_exit_status_of_exec_is_the_commands(
    cli: Cli, cmd: tuple[str, ...], status: int
) -> None:
    add(cli, "web")
    process = cli.spawn("exec", "web", "--", *cmd, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == status
    assert ("no such file: /no/such/program" in err) == (status == 127)


def test_send_writes_a_line_or_all_of_a_file(cli: Cli, tmp_path: Path) -> None:
    add(cli, "cat", "--stdin", "pipe", cmd=["cat"])
    file = tmp_path / "file"
    file.write_text("x" * 300_000 + "\n")

    said = cli("send", "cat", "hello there", "--json", ok=True).json
    with file.open() as stdin:
        assert cli.spawn("send", "cat:0", "-", "--eof", stdin=stdin).wait(PATIENCE) == 0

    until(lambda: len(cli("logs", "cat").out) >= 300_000)
    assert "\nhello there\nxxx" in cli("logs", "cat").out
    assert (said["alias"], said["written"], said["closed"]) == ("cat:0", 12, False)
    assert cli("send", "cat", "more").status == 1


def test_nothing_sent_to_what_takes_nothing_is_told(cli: Cli) -> None:
    process = cli.spawn("send", "nobody", "-", stderr=subprocess.PIPE)

    assert process.communicate(timeout=PATIENCE)[1] == "proctor: no task is named 'nobody'\n"
    assert process.returncode == 1


def test_the_keys_that_leave_are_found_wherever_they_are_cut() -> None:
    keys = Keys()
    assert keys.typed(b"ab\x10") == (b"ab", False)
    assert keys.typed(b"c") == (b"\x10c", False)
    assert keys.typed(b"\x10\x10") == (b"\x10", False)
    assert keys.typed(b"\x11d") == (b"", True)

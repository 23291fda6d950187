"""What the bench needs to build, to watch processes and to talk HTTP."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "build"
PEERS = BUILD / "peers"
OURS = BUILD / "ours"
PROGRAMS = ("child", "watch", "load", "limit")


class TooSlow(Exception):
    """Something did not happen within the time the bench has for it."""


# Building.


def build_programs() -> None:
    BUILD.mkdir(exist_ok=True)
    for name in PROGRAMS:
        source = HERE / "native" / f"{name}.c"
        target = BUILD / name
        if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
            continue
        cc = os.environ.get("CC", "cc")
        flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-static"]
        subprocess.run([cc, *flags, "-o", target, source], check=True)


def install_peers() -> bool:
    """Put the peers' latest versions into an environment of their own; False: not possible."""
    mark = PEERS / ".installed"
    if mark.exists():
        return True
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", PEERS], check=True)
        pip = [PEERS / "bin/pip", "install", "-qq", "--disable-pip-version-check"]
        # supervisor imports pkg_resources, which setuptools dropped.
        subprocess.run([*pip, "supervisor", "circus", "setuptools<81"], check=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"the peers cannot be installed: {error}", file=sys.stderr)
        return False
    mark.touch()
    return True


def install_ours() -> None:
    """Put this checkout into an environment as users have it, without what only its tests need."""
    root = HERE.parent
    lock, mark = root / "requirements.lock", OURS / ".installed"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([sys.executable, "-m", "venv", "--clear", OURS], check=True)
        pip = [OURS / "bin/pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True, timeout=300)
        subprocess.run([*pip, "--no-deps", "--editable", root], check=True, timeout=120)
        mark.touch()
    compiling = [OURS / "bin/python", "-m", "compileall", "-qq", root / "src", OURS / "lib"]
    subprocess.run(compiling, check=False)


# A place of its own for each measurement.


class Place:
    """A folder with programs that nobody else runs, so that they can be told from all others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child = folder / "child"
        shutil.copy(BUILD / "child", self.child)
        # A process is called after its program, of which the kernel keeps 15 characters.
        self.sleep = folder / f"sleep{os.getpid()}"
        shutil.copy("/bin/sleep", self.sleep)
        self.fifo = folder / "stamps"
        os.mkfifo(self.fifo)
        self._stamps = os.open(self.fifo, os.O_RDWR)

    def stamp(self, seconds: float = 10.0) -> tuple[float, int]:
        """Return when (monotonic seconds) and with which pid the next child began."""
        if not select.select([self._stamps], [], [], seconds)[0]:
            raise TooSlow(f"no child began within {seconds:g} s")
        nanoseconds, pid = struct.unpack("=QQ", os.read(self._stamps, 16))
        return nanoseconds / 1e9, pid

    def stamping(self, then: str) -> tuple[str, ...]:
        return str(self.child), "stamp", str(self.fifo), then

    def stamps_fd(self) -> int:
        return self._stamps

    def close(self) -> None:
        os.close(self._stamps)
        _kill_programs_below(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def a_place(*, in_memory: bool = False) -> Iterator[Place]:
    """Make a place on disk, or `in_memory` where the disk would be all that is measured."""
    where = "/dev/shm" if in_memory and os.path.isdir("/dev/shm") else None
    place = Place(Path(tempfile.mkdtemp(prefix="proctor-bench-", dir=where)))
    try:
        yield place
    finally:
        place.close()


def _kill_programs_below(folder: Path) -> None:
    """End what a failed measurement has left; after a good one there is nothing."""
    for _ in range(50):
        left = [pid for pid in _pids() if _program(pid).startswith(f"{folder}/")]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
        time.sleep(0.1)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


# Watching.


class Watch:
    """Waits, in a process of its own, until exactly `count` processes are called `name`."""

    def __init__(self, name: str, count: int, seconds: float) -> None:
        command = [BUILD / "watch", "until", name, str(count), str(seconds)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def wait(self) -> float:
        """Return when it was so, in monotonic seconds."""
        text = self._process.communicate()[0]
        if self._process.returncode:
            raise TooSlow("the processes did not come to be, or to end, in time")
        return int(text) / 1e9


def kill_and_watch(name: str, seconds: float) -> float:
    """Kill all that are called so; return the seconds until there are as many new ones."""
    command = [BUILD / "watch", "replace", name, str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise TooSlow(f"not all were replaced within {seconds:g} s")
    begin, end = map(int, done.stdout.split())
    return (end - begin) / 1e9


def descendants(pid: int) -> list[int]:
    """Return `pid` and all processes below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                children = Path(f"/proc/{parent}/task/{thread}/children").read_text()
                found.extend(map(int, children.split()))
    return found


def pss(pids: list[int], kind: str = "Pss") -> int:
    """Return the proportional set size in bytes, or a part of it.

    "Pss_Anon": without the pages of files, which come and go as others need memory.
    """
    return sum(_number(f"/proc/{pid}/smaps_rollup", f"{kind}:") << 10 for pid in pids)


def switches(pids: list[int]) -> int:
    """Return how often the threads of the processes were switched to."""
    return sum(
        _number(f"/proc/{pid}/task/{thread}/status", f"{kind}_ctxt_switches:")
        for pid in pids
        for thread in os.listdir(f"/proc/{pid}/task")
        for kind in ("voluntary", "nonvoluntary")
    )


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of the processes, without their children's."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _number(path: str, key: str) -> int:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise LookupError(f"{key} in {path}")


# Measuring.


def monotonic() -> float:
    return time.monotonic()


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Ask until it holds, and leave three quarters of the time to who is asked."""
    limit = monotonic() + seconds
    while True:
        asked = monotonic()
        if holds():
            return
        now = monotonic()
        if now > limit:
            raise TooSlow(f"not within {seconds:g} s")
        time.sleep((now - asked) * 3)


def median_of(measure: Callable[[int], float], most: int, seconds: float) -> float:
    """Return the median of up to `most` measurements; no new one begins after `seconds`."""
    limit = monotonic() + seconds
    values = [measure(0)]
    while len(values) < most and monotonic() < limit:
        values.append(measure(len(values)))
    return statistics.median(values)


# HTTP.


class Http:
    """A kept-alive connection, as thin as Python has it."""

    def __init__(self, address: tuple[str, int] | str) -> None:
        self._address = address
        self._open()

    def _open(self) -> None:
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(self._address)
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> bytes:
        self.send(request(method, path, body, kind))
        return self.receive()

    def send(self, data: bytes) -> None:
        if select.select([self._socket], [], [], 0)[0]:
            self.close()  # readable between two answers: it was closed for being idle
            self._open()
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Return the body of the next answer, which must be a 200."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(li[15:]) for li in lines if li.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        if b" 200 " not in lines[0] + b" ":
            raise RuntimeError(f"answered {head.decode()}: {body[:300].decode()}")
        return body

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("closed in the middle of an answer")
        return data


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def answers_a_second(address: tuple[str, int] | str, asked: bytes, clients: int) -> float:
    """Return what `load` says of this request with that many connections, for 1.5 s."""
    where = ["unix", address] if isinstance(address, str) else ["tcp", str(address[1])]
    command = [BUILD / "load", *where, str(clients), "1.5"]
    done = subprocess.run(command, input=asked, stdout=subprocess.PIPE, check=True, timeout=30)
    return float(done.stdout)

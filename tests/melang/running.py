"""Running scripts inside the test process."""

from __future__ import annotations

import sys
from typing import Any

from melang.__main__ import RECURSION
from melang.errors import CompileError
from melang.host import LocalChild, LocalHost
from melang.scheduler import Scheduler


class Recorder:
    """A sink that remembers what was printed."""

    def __init__(self) -> None:
        self.output = b""

    def __call__(self, piece: bytes) -> None:
        self.output += piece

    @property
    def lines(self) -> list[str]:
        return self.output.decode("latin-1").splitlines()


class Host(LocalHost):
    """Waits for its commands: a script may be over when they have only closed their output."""

    def __init__(self) -> None:
        self.children: list[LocalChild] = []

    def start(self, *order: Any) -> LocalChild:
        child = super().start(*order)
        self.children.append(child)
        return child

    def reap(self) -> None:
        for child in self.children:
            child.process.wait()


def output_of(text: str | bytes, name: str = "t.m", data: Any = None) -> list[str]:
    """Return the lines a script prints; a syntax error is what it would print."""
    source = text if isinstance(text, bytes) else text.encode()
    return raw_output_of(source, name, data).decode("latin-1").splitlines()


def raw_output_of(source: bytes, name: str, data: Any = None) -> bytes:
    """Return what a script prints."""
    recorder = Recorder()
    host = Host()
    scheduler = Scheduler(host)
    limit = sys.getrecursionlimit()
    try:
        scheduler.spawn(source, name=name, data=data, sink=recorder)
        sys.setrecursionlimit(RECURSION)
        scheduler.run()
    except CompileError as error:
        return error.report.encode("latin-1") + b"\n"
    finally:
        sys.setrecursionlimit(limit)
        host.reap()
    return recorder.output


def printed(expressions: str) -> list[str]:
    """Return what `sys.print` shows for each expression, separated by `;`."""
    calls = "".join(f"sys.print({part});" for part in expressions.split(";") if part.strip())
    return output_of("sys = Import('sys');" + calls)

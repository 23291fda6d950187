"""The Melang host: runs the scripts of many tasks as coroutines of one scheduler.

A run is a script and whatever it starts by Eval: it is over when the last of them has ended, and
its result is that of the script itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from melang.builtin import running
from melang.compiler import STRING, Program, compile_file
from melang.coroutine import Coroutine, Done
from melang.errors import CompileError
from melang.scheduler import Scheduler
from proctor.keeper.protocol import Frame

from .commands import Commands
from .desk import RETRY, CannotBegin, Desk, Run, raise_file_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RECURSION = 1200
"""Calls of script functions within each other, as the command line has it."""


class Script:
    """What runs for one run.  Called with what its coroutines print.

    `members` are the coroutines that live; `result` is how the first of them ended.
    """

    __slots__ = ("_on_over", "env", "main", "members", "result", "run", "scheduler", "waiting")

    def __init__(
        self,
        scheduler: Scheduler,
        run: Run,
        env: dict[str, str],
        on_over: Callable[[Script], None],
    ) -> None:
        self.scheduler = scheduler
        self.run = run
        self.env = env
        self.members: set[Coroutine] = set()
        self.main: Coroutine | None = None
        self.result: str | None = None
        self.waiting: list[Coroutine] = []  # for room in the pipe
        self._on_over = on_over

    def __call__(self, output: bytes) -> None:
        """Write to the pipe; while it is full the coroutine waits, and nobody else."""
        while output:
            try:
                output = output[os.write(self.run.output, output) :]
            except BlockingIOError:
                self._wait(running.co)
            except OSError:
                return

    def _wait(self, co: Coroutine) -> None:
        if not self.waiting:
            self.scheduler.add_writer(self.run.output, self._room)
        self.waiting.append(co)
        self.scheduler.suspend(co)

    def _room(self) -> None:
        self.scheduler.remove_writer(self.run.output)
        waiting, self.waiting = self.waiting, []
        for co in waiting:
            self.scheduler.wake(co)

    def began(self, co: Coroutine) -> None:
        self.main = self.main or co
        self.members.add(co)

    def ended(self, co: Coroutine, message: str | None) -> None:
        self.members.discard(co)
        if co is self.main:
            self.result = message
        if not self.members:
            self._room()
            self._on_over(self)


class HostScheduler(Scheduler):
    """A scheduler that tells scripts of their coroutines."""

    def spawn(
        self,
        source: bytes | str | Program,
        *,
        name: str = STRING,
        data: Any = None,
        alias: bytes | None = None,
        sink: Callable[[bytes], None] | None = None,
        done: Done | None = None,
    ) -> Coroutine:
        """Start a coroutine; what it starts in turn by Eval belongs to the same script."""
        assert isinstance(sink, Script)
        co = super().spawn(source, name=name, data=data, alias=alias, sink=sink, done=sink.ended)
        sink.began(co)
        return co

    def kill(self, co: Coroutine) -> None:
        super().kill(co)
        co.finish("killed")  # If it was printing why it failed, that was cut short.


class MelangStage:
    """Begins and stops scripts."""

    def __init__(self) -> None:
        self.commands = Commands(lambda: running.co.sink.env)  # type: ignore[attr-defined]
        self.scheduler = HostScheduler(self.commands)
        self.desk: Desk

    def begin(self, run: Run, order: Frame) -> None:
        try:
            program = compile_file(order["script"])
        except CompileError as error:
            raise CannotBegin(reason_of(error)) from None
        run.work = Script(self.scheduler, run, order["env"], self._over)
        data = order["data"].encode("utf-8", "surrogateescape")
        self.scheduler.spawn(program, data=data, alias=order["alias"].encode(), sink=run.work)

    def stop(self, run: Run, force: bool) -> None:
        for co in list(run.work.members):
            self.scheduler.kill(co)

    def _over(self, script: Script) -> None:
        run, message = script.run, script.result
        if message is None:
            self.desk.ended(run, code=0, error=None)
        elif message == "killed" and run.asked:
            self.desk.ended(run, code=None, error=None)
        else:
            error = "killed by another script" if message == "killed" else message
            self.desk.ended(run, code=1, error=error)


def reason_of(error: CompileError) -> str:
    """Say in one line why a script is none."""
    where = f"{error.file}:{error.line}" if error.line else error.file
    return f"{where}: {error.reason}"


def main() -> None:
    sys.setrecursionlimit(RECURSION)
    raise_file_limit()
    stage = MelangStage()
    stage.desk = Desk(stage.scheduler, stage, int(os.environ["PROCTOR_MARK"]), lambda: None)
    while True:
        timeout = stage.commands.work(time.monotonic())
        if not stage.desk.connected and not stage.desk.connect():
            timeout = RETRY if timeout is None else min(timeout, RETRY)
        stage.scheduler.step(timeout)


if __name__ == "__main__":
    main()

"""The Python host: runs the functions of many tasks as asyncio tasks, or in threads.

It is started by its path, with whatever interpreter a task names (Python 3.11 or later), whose
environment has none of our dependencies: standard library only, here and in what is imported.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import select
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def _our_modules() -> Iterator[None]:
    """Let `proctor` be found, and nothing else of the environment that it is installed in."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    try:
        yield
    finally:
        del sys.path[0]


with _our_modules():
    from proctor.keeper.protocol import Frame
    from proctor.scripts.desk import RETRY, Desk, Run, raise_file_limit
    from proctor.scripts.python_work import (
        arguments_for,
        how_it_failed,
        load,
        message_of,
        without_us,
    )

MOST_WAITING = 1 << 20
"""Bytes that a replica may have printed while its pipe is full; what is more is lost."""

_current: contextvars.ContextVar[Script | None] = contextvars.ContextVar("script", default=None)


class Output:
    """The way into one run's pipe.

    asyncio cannot make a function wait inside of print: what the pipe does not take is kept for a
    while.  Threads do wait.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._fd = fd
        self._kept = bytearray()
        self._lost = 0
        self._lock = threading.Lock()
        self._watched = False

    def write(self, data: bytes) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._write_waiting(data)
            return
        with self._lock:
            if not self._kept:
                data = self._written(data)
            room = MOST_WAITING - len(self._kept)
            self._kept += data[:room]
            self._lost += max(0, len(data) - room)
            if self._kept and not self._watched:
                self._watched = True
                self._loop.add_writer(self._fd, self._room)

    def _write_waiting(self, data: bytes) -> None:
        while data and self._fd >= 0:
            with self._lock:
                if not self._kept:
                    data = self._written(data)
            if data and self._fd >= 0:
                select.select((), (self._fd,), (), 1.0)

    def _written(self, data: bytes) -> bytes:
        """Write what fits; return the rest."""
        while data and self._fd >= 0:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                return data
            except OSError:
                return b""
        return b""

    def _room(self) -> None:
        with self._lock:
            self._kept = bytearray(self._written(bytes(self._kept)))
            if self._kept:
                return
            if self._lost:
                note, self._lost = f"\n[{self._lost} bytes of output were lost]\n", 0
                self._kept += self._written(note.encode())
                return
            self._watched = False
            self._loop.remove_writer(self._fd)

    def close(self) -> None:
        """What is kept is lost if the pipe is still full."""
        with self._lock:
            self._written(bytes(self._kept))
            if self._watched:
                self._loop.remove_writer(self._fd)
            self._kept.clear()
            self._fd = -1


class Script:
    """What runs for one run: an asyncio task or a thread."""

    def __init__(self, run: Run, order: Frame, output: Output) -> None:
        self.run = run
        self.order = order
        self.output = output
        self.task: asyncio.Task[None] | None = None
        self.main: Coroutine[Any, Any, Any] | None = None
        self.tasks: set[asyncio.Task[Any]] = set()  # that it has started in turn


class Stream:
    """Stands for sys.stdout and sys.stderr: each script's prints go to its own replica's log."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True

    def __init__(self, beneath: Any) -> None:
        self._beneath = beneath

    @property
    def buffer(self) -> Stream:
        return self

    def write(self, text: str | bytes) -> int:
        script = _current.get()
        data = text.encode(self.encoding, self.errors) if isinstance(text, str) else bytes(text)
        if script is None:
            self._beneath.buffer.write(data)
            self._beneath.flush()
        else:
            script.output.write(data)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _current.get() is None:
            self._beneath.flush()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def fileno(self) -> int:
        script = _current.get()
        return int(self._beneath.fileno()) if script is None else script.run.output


class PythonStage:
    """Begins and stops scripts."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.desk: Desk

    def begin(self, run: Run, order: Frame) -> None:
        script = Script(run, order, Output(self._loop, run.output))
        run.work = script
        context = contextvars.copy_context()
        context.run(_current.set, script)
        try:
            function = context.run(load, order["script"])
        except BaseException as error:
            context.run(traceback.print_exception, without_us(error))
            # Its output is kept, so it began and failed at once.
            self._loop.call_soon(self._over, script, 1, message_of(error))
            return
        if inspect.iscoroutinefunction(function):
            work = self._run_coroutine(script, function)
            script.task = self._loop.create_task(work, context=context, name=order["alias"])
            # One that is cancelled before its first step runs nothing of the above.
            script.task.add_done_callback(lambda task: self._over(script, None, None))
            return
        arguments = (context, script, function)
        threading.Thread(
            target=self._run_thread, args=arguments, name=order["alias"], daemon=True
        ).start()

    def stop(self, run: Run, force: bool) -> None:
        script: Script = run.work
        if script.task is None:
            return  # A thread cannot be stopped; see the engine's STUCK.
        script.task.cancel()
        if force and script.main is not None:
            try:
                script.main.close()  # It swallows the cancellation.
            except (RuntimeError, ValueError):
                pass  # It swallows this as well, or runs at the moment.
            self._loop.call_soon(self._drop, script)

    def _drop(self, script: Script) -> None:
        assert script.main is not None
        if inspect.getcoroutinestate(script.main) == inspect.CORO_CLOSED:
            self._over(script, None, None)

    async def _run_coroutine(
        self, script: Script, function: Callable[..., Coroutine[Any, Any, Any]]
    ) -> None:
        try:
            script.main = function(*arguments_for(function, script.order))
            await script.main
        except asyncio.CancelledError as error:
            code, message = (None, None) if script.run.asked else how_it_failed(error)
        except BaseException as error:
            # One that was closed fails, too, when the event comes that it waited for.
            code, message = (None, None) if script.run.asked == 9 else how_it_failed(error)
        else:
            code, message = 0, None
        await cancel_all(script.tasks)
        self._over(script, code, message)

    def _run_thread(
        self, context: contextvars.Context, script: Script, function: Callable[..., Any]
    ) -> None:
        def run() -> tuple[int | None, str | None]:
            try:
                function(*arguments_for(function, script.order))
            except BaseException as error:
                return how_it_failed(error)
            return 0, None

        code, error = context.run(run)
        self._loop.call_soon_threadsafe(self._over, script, code, error)

    def _over(self, script: Script, code: int | None, error: str | None) -> None:
        if script.run.end is None:
            script.output.close()
            self.desk.ended(script.run, code=code, error=error)


def make_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a task that belongs to the script that asked for it."""
    task = asyncio.Task(work, loop=loop, **options)
    script = _current.get()
    if script is not None:
        script.tasks.add(task)
        task.add_done_callback(script.tasks.discard)
    return task


async def cancel_all(tasks: set[asyncio.Task[Any]]) -> None:
    """End what a script has left running, as asyncio.run does."""
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def main() -> None:
    raise_file_limit()
    if "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # As with python -m.
    sys.stdout, sys.stderr = Stream(sys.stdout), Stream(sys.stderr)
    loop = asyncio.new_event_loop()
    loop.set_task_factory(make_task)
    asyncio.set_event_loop(loop)
    stage = PythonStage(loop)

    def connect() -> None:
        if not stage.desk.connect():
            loop.call_later(RETRY, connect)

    stage.desk = Desk(loop, stage, int(os.environ["PROCTOR_MARK"]), connect)
    loop.call_soon(connect)
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):
            # Raised in a task that a script has started: that task's end, not ours.
            traceback.print_exc()


if __name__ == "__main__":
    main()

"""One running script: its variables, its greenlet and what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from greenlet import GreenletExit, greenlet

from .calls import CODE_FILE
from .compiler import STRING, Program
from .errors import STACK_FULL, MelangError, Misplaced
from .natives import NATIVES
from .runtime import NAMES
from .values import UNDEF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FunctionType, TracebackType
    from typing import Any

    from .host import Host
    from .scheduler import Scheduler
else:
    FunctionType = type(lambda: None)

SLICE = 250  # ticks, see compile_effect.py

Done = Callable[["Coroutine", "str | None"], None]


class Coroutine:
    """A script that runs.  The libraries are handed it as `co`."""

    __slots__ = (
        *("alias", "done", "ended", "ending", "globals", "greenlet", "hooks_running", "host"),
        *("name", "program", "resources", "scheduler", "sink", "wait", "waking"),
    )

    def __init__(
        self,
        scheduler: Scheduler,
        program: Program,
        *,
        alias: bytes | None,
        sink: Callable[[bytes], None],
        done: Done | None,
    ) -> None:
        self.scheduler = scheduler
        self.host: Host = scheduler.host
        self.program = program
        self.name = program.name
        self.alias = alias
        self.sink = sink
        self.done = done
        self.ended = False
        self.ending: list[Callable[[], None]] = []
        self.resources: dict[str, Any] = {}  # what libraries keep for this coroutine
        self.hooks_running: set[bytes] = set()
        self.wait = 0  # which of its waits it is in; 0 if in none
        self.waking: Any = None
        self.greenlet: greenlet | None = None
        self.globals: dict[str, Any] = dict.fromkeys(program.names, UNDEF)
        self.globals.update(NATIVES)
        self.globals["__builtins__"] = NAMES
        self.globals[".ticks"] = SLICE

    @property
    def script_dir(self) -> bytes:
        """The directory of the script's file, as written; `.` if there is none."""
        return os.fsencode(os.path.dirname(self.name) or ".")

    def write(self, output: bytes) -> None:
        """Write to where the script's output goes."""
        self.sink(output)

    def report(self, message: str, line: int | None = None) -> None:
        """Print a message as `FILE:LINE: message` and go on."""
        file, here = self.where()
        self.write(_line(file, here if line is None else line, message))

    def where(self) -> tuple[str, int]:
        """Return file and line of the expression that is being evaluated."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename != CODE_FILE:
            frame = frame.f_back
        if frame.f_code.co_filename != CODE_FILE:
            return self.name, 0
        return self.program.where(frame.f_lineno)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have a function called when the coroutine ends, however it ends."""
        self.ending.append(callback)

    def run(self) -> None:
        """Run the program to its end, in the greenlet; an error is printed there."""
        message: str | None = None
        try:
            FunctionType(self.program.code, self.globals)(None)
        except MelangError as error:
            message = self._failed(error.message, error.__traceback__, type(error) is Misplaced)
        except RecursionError as error:
            message = self._failed(STACK_FULL, error.__traceback__)
        except MemoryError as error:
            message = self._failed("No memory.", error.__traceback__)
        except GreenletExit:
            message = "killed"
        except Exception as error:
            # Ours to fix, but the other scripts are not to suffer for it.
            reason = f"Internal error: {type(error).__name__}: {error}"
            message = self._failed(reason, error.__traceback__)
        self.finish(message)

    def _failed(
        self, message: str, traceback: TracebackType | None, misplaced: bool = False
    ) -> str:
        """Print an error and return the printed line."""
        position = 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == CODE_FILE:
                position = traceback.tb_lineno
            traceback = traceback.tb_next
        file, line = self.program.where(position) if position else (self.name, 0)
        if not message:
            return f"{file}:{line}: ended"
        output = _line(file, 0 if misplaced else line, message)
        self.write(output)
        return output.decode("utf-8", "replace").rstrip("\n")

    def finish(self, message: str | None) -> None:
        """Give everything back and tell who waits for it."""
        if self.ended:
            return
        self.ended = True
        while self.ending:
            self.ending.pop()()
        self.globals = {}
        self.resources = {}
        self.scheduler.ended(self)
        if self.done is not None:
            self.done(self, message)


def _line(file: str, line: int, message: str) -> bytes:
    name = STRING.encode() if file == STRING else os.fsencode(file)
    return name + b":%d: " % line + message.encode("utf-8", "surrogateescape") + b"\n"

"""The work of a Python script: which function it is, and how it failed.

Standard library only, like the Python host.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proctor.keeper.protocol import Frame

from .desk import split_command

_OURS = frozenset(
    (__file__, str(Path(__file__).with_name("python_host.py")), str(importlib.__file__))
)
"""Files whose lines are not the user's."""


def load(command: str) -> Callable[..., Any]:
    """Return the function that a task's command names.

    A file is run anew for each run; a module is imported once.
    """
    file, name = split_command(command)
    if file is None:
        module = importlib.import_module(command.partition(":")[0])
    else:
        path = os.path.abspath(file)
        module = types.ModuleType(Path(path).stem)
        module.__file__ = path
        if os.path.dirname(path) not in sys.path:
            sys.path.append(os.path.dirname(path))
        code = compile(Path(path).read_bytes(), file, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    function = module
    for part in name.split("."):
        function = getattr(function, part)
    if not callable(function):
        raise TypeError(f"{command}: {name} is no function")
    return function


def arguments_for(function: Callable[..., Any], order: Frame) -> tuple[Any, ...]:
    """Return the task as a dict, if the function has to be given something."""
    needed = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return (json.loads(order["data"]),) if needed else ()


def how_it_failed(error: BaseException) -> tuple[int, str | None]:
    """Return exit code and message; the traceback goes to the replica's log."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return (error.code or 0) & 0xFF, None
    traceback.print_exception(without_us(error))
    return 1, message_of(error)


def without_us(error: BaseException) -> BaseException:
    """Return the error with a traceback that begins in the user's code, if any of it is there."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename in _OURS:
        found = found.tb_next
    return error.with_traceback(found or error.__traceback__)


def message_of(error: BaseException) -> str:
    """Return `FILE:LINE: Type: what` of where it was raised, the last line of the user's code."""
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}: "
    else:
        frames = traceback.extract_tb(without_us(error).__traceback__)
        if frames and frames[-1].filename not in _OURS:
            where = f"{frames[-1].filename}:{frames[-1].lineno}: "
    what = traceback.format_exception_only(error)[-1].strip()
    return where + what

"""Finding the program that an order names, starting it, and saying exactly why not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, TypeVar

Order = dict[str, Any]
T = TypeVar("T")


class NotSpawned(Exception):
    """No process came to be: `errno`, and `what` names the step and the thing."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.errno = number
        self.what = what


def tried(step: str, call: Callable[[], T]) -> T:
    """Return what `call` returns; its OSError becomes a NotSpawned that names the step."""
    try:
        return call()
    except OSError as error:
        raise NotSpawned(error.errno or errno.EIO, f"{step}: {error.strerror}") from error


def enter(cwd: str | None) -> None:
    if cwd is not None:
        tried(f"cwd {cwd}", lambda: os.chdir(cwd))


def execute(order: Order, start: Callable[[str, list[str], dict[str, str]], Any]) -> Any:
    """Find the program as execvp would and `start` it; a file without `#!` is the shell's."""
    argv, env = order["argv"], order["env"]
    path = find_program(argv[0], env.get("PATH", os.defpath))
    try:
        try:
            return start(path, argv, env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return start("/bin/sh", ["sh", path, *argv[1:]], env)
    except OSError as error:
        raise NotSpawned(error.errno or errno.EIO, _explain(path, error)) from error
    except ValueError as error:  # A NUL byte, or "=" in a variable's name.
        raise NotSpawned(errno.EINVAL, f"exec {argv[0]}: {error}") from error


def find_program(name: str, path: str) -> str:
    """Return the file that `name` means: itself with a slash, else the first fit in `path`."""
    if "/" in name:
        return name
    denied = ""
    for folder in path.split(":"):
        file = f"{folder or '.'}/{name}"
        if os.path.isfile(file):
            if os.access(file, os.X_OK):
                return file
            denied = denied or file
    if denied:
        raise NotSpawned(errno.EACCES, f"not executable: {denied}")
    raise NotSpawned(errno.ENOENT, f"no such file: {name} (looked in PATH {path})")


def _explain(path: str, error: OSError) -> str:
    """Say what exec's errno means for this file: ENOENT is also a missing interpreter."""
    if error.errno == errno.ENOENT and not os.path.exists(path):
        return f"no such file: {path}"
    if error.errno == errno.EACCES and os.path.isdir(path):
        return f"is a directory: {path}"
    if error.errno == errno.EACCES and os.path.exists(path) and not os.access(path, os.X_OK):
        return f"not executable: {path}"
    if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ELOOP):
        try:
            with open(path, "rb") as file:
                line = file.read(256).partition(b"\n")[0]
        except OSError:
            return f"exec {path}: {error.strerror}"
        if line.startswith(b"#!"):
            return f"{path}: bad interpreter {os.fsdecode(line[2:].split(None, 1)[0])}"
        if error.errno == errno.ENOENT:
            return f"{path}: the loader it was linked for is missing"
    return f"exec {path}: {error.strerror}"

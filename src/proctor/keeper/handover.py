"""What one keeper hands to the keeper it execs: a memfd with JSON, and the descriptors it names."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from typing import Any

from .launch import have_standard_files

State = dict[str, Any]


def write(state: State, fds: Iterable[int]) -> int:
    """Return a descriptor that `read` understands; it and `fds` survive an exec."""
    memory = os.memfd_create("proctor-keeper")
    with open(os.dup(memory), "wb") as file:
        file.write(json.dumps(state).encode())
    for fd in (memory, *fds):
        os.set_inheritable(fd, True)
    return memory


def read(memory: int) -> State:
    os.lseek(memory, 0, os.SEEK_SET)
    with open(memory, "rb") as file:
        state: State = json.loads(file.read())
    return state


def close_on_exec() -> None:
    """Let no descriptor but 0, 1 and 2 leak into what we start, and make sure that those exist."""
    have_standard_files()
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2:
            try:
                fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            except OSError:
                pass  # The listing's own descriptor.

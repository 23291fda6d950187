"""A cgroup for each run that has limits, where cgroup v2 is writable to us.

    BASE/                       the cgroup that the service was started in
      proctor.service/          the keeper, the manager and runs without limits
      proctor-web.0-5f3a.../    a run with limits, by its birth mark

Rule: a cgroup that hands controllers down has no processes of its own (the root excepted), so
before the first limit everything in BASE moves down.
Source: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint", "Delegation".
"""

from __future__ import annotations

import os
import time
from typing import Any

from .cgroup import folder_of, own_cgroup
from .log import log

CONTROLLERS = ("memory", "cpu", "pids")
LEAF = "proctor.service"
PREFIX = "proctor-"
STALE = 60.0  # Seconds after which an empty cgroup of a run is nobody's.


class Cgroups:
    """`controllers` are those by which runs can be limited, none where no cgroup can be made."""

    def __init__(self) -> None:
        self._prepared = False
        self.base = ""
        self.controllers: list[str] = []
        try:
            self.base = base_of(own_cgroup())
            self.controllers = usable(self.base)
        except OSError:
            pass

    def made(self, order: dict[str, Any]) -> str | None:
        """Make a cgroup {name mark set}, or take one {path}; return the file by which to join it.

        None where there can be none: the run is not limited then.
        """
        if "path" in order:
            return f"{order['path']}/cgroup.procs"
        if not self.controllers:
            return None
        path = self._path(order["name"], order["mark"])
        try:
            self._prepare()
            os.mkdir(path)
            for file, text in order["set"].items():
                if file.partition(".")[0] in self.controllers:
                    _write(f"{path}/{file}", text)
        except OSError as error:
            log("warning", "limits are not enforced", cgroup=path, error=str(error))
            remove(path)
            return None
        return f"{path}/cgroup.procs"

    def drop(self, order: dict[str, Any] | None) -> None:
        """Remove what was made for a run that came to nothing."""
        if order and "path" not in order and self.controllers:
            remove(self._path(order["name"], order["mark"]))

    def _path(self, name: str, mark: int) -> str:
        return f"{self.base}/{PREFIX}{name}-{mark:x}"

    def _prepare(self) -> None:
        if self._prepared:
            return
        if not _is_root(self.base):
            leaf = f"{self.base}/{LEAF}"
            os.makedirs(leaf, exist_ok=True)
            _empty(self.base, leaf)
        _write(f"{self.base}/cgroup.subtree_control", " ".join(f"+{c}" for c in self.controllers))
        self._remove_stale()
        self._prepared = True

    def _remove_stale(self) -> None:
        for name in os.listdir(self.base):
            path = f"{self.base}/{name}"
            if name.startswith(PREFIX) and time.time() - os.stat(path).st_mtime > STALE:
                remove(path)


def base_of(own: str) -> str:
    """Return the cgroup that the service was started in, given that in which we are now."""
    folder, _, name = own.rpartition("/")
    return folder if name == LEAF else own


def usable(base: str) -> list[str]:
    """Return the controllers that can be handed down from `base`.  Raises OSError."""
    if not os.access(f"{base}/cgroup.subtree_control", os.W_OK) or not os.access(base, os.W_OK):
        return []
    return [name for name in _read(f"{base}/cgroup.controllers").split() if name in CONTROLLERS]


def of_run(pid: int, mark: int) -> str:
    """Return the cgroup that was made for the run with that birth mark, "" if none was."""
    try:
        parts = folder_of(str(pid)).split("/")
    except OSError:
        return ""
    for count, part in enumerate(parts, 1):
        if part.startswith(PREFIX) and part.endswith(f"-{mark:x}"):
            return "/".join(parts[:count])
    return ""


def kill(path: str) -> None:
    """Kill everything in the cgroup in one step, where the kernel can (5.14)."""
    try:
        _write(f"{path}/cgroup.kill", "1")
    except OSError:
        pass  # The signals must do.


def out_of_memory(path: str) -> bool:
    """Whether something in it was killed because of its memory limit."""
    try:
        words = _read(f"{path}/memory.events").split()
    except OSError:
        return False
    counts = dict(zip(words[::2], words[1::2], strict=True))
    return counts.get("oom_kill", "0") != "0"


def remove(path: str) -> None:
    """Remove it, and what the run itself made below it, if nothing is alive in there."""
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return


def _empty(base: str, leaf: str) -> None:
    """Move every process in `base` down; those that fork meanwhile are found the next time."""
    for _ in range(10):
        pids = _read(f"{base}/cgroup.procs").split()
        if not pids:
            return
        for pid in pids:
            try:
                _write(f"{leaf}/cgroup.procs", pid)
            except ProcessLookupError:
                pass


def _is_root(base: str) -> bool:
    return not os.path.exists(f"{base}/cgroup.type")


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)

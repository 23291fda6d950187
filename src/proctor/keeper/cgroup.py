"""A cgroup for what forks faster than it is found: cgroup.kill ends all of it in one step.

Only where a cgroup v2 hierarchy is writable to us (as root, or a delegated subtree).
"""

from __future__ import annotations

import os
from collections.abc import Iterable


class Corral:
    """One cgroup that processes are moved into and killed in."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def create(cls, run: int) -> Corral | None:
        try:
            path = f"{own_cgroup()}/proctor-kill-{os.getpid()}-{run}"
            os.mkdir(path)
            if os.path.exists(f"{path}/cgroup.kill"):  # Linux 5.14
                return cls(path)
            os.rmdir(path)
        except OSError:
            pass
        return None

    def kill(self, pids: Iterable[int]) -> None:
        for pid in pids:
            self._write("cgroup.procs", str(pid))
        self._write("cgroup.kill", "1")

    def remove(self) -> None:
        try:
            os.rmdir(self.path)
        except OSError:
            pass  # Something in it has not ended: the next keeper's problem is an empty folder.

    def _write(self, name: str, text: str) -> None:
        try:
            with open(f"{self.path}/{name}", "w") as file:
                file.write(text)
        except OSError:
            pass  # Gone meanwhile, or not ours to move: the signals must do.


def own_cgroup() -> str:
    """Return the folder of our own v2 cgroup.  Raises FileNotFoundError if there is none."""
    return folder_of("self")


def folder_of(process: str) -> str:
    """Return the folder of the v2 cgroup of a pid, or "self".  Raises OSError."""
    with open(f"/proc/{process}/cgroup") as file:
        own = next((line[3:].strip() for line in file if line.startswith("0::")), None)
    with open("/proc/self/mountinfo") as file:
        found = None if own is None else below_mount(own, file)
    if found is None:
        raise FileNotFoundError("no cgroup v2 here")
    return found


def below_mount(own: str, mountinfo: Iterable[str]) -> str | None:
    """Return where a cgroup is found, by the lines of /proc/self/mountinfo; None: nowhere.

    A mount may show a part of the hierarchy only, or, seen from a cgroup namespace in which it was
    not made, more than ours ("/.."): of that our own place is unknown.
    """
    for line in mountinfo:
        mount, _, kind = line.partition(" - ")
        root, point = mount.split()[3:5]
        root = root.rstrip("/")
        if kind.startswith("cgroup2 ") and f"{own}/".startswith(f"{root}/"):
            return point + own[len(root) :].rstrip("/")
    return None

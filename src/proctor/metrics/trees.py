"""Whose process is whose: the processes of the machine, grouped by the replicas they belong to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .procfs import Proc


def trees(
    procs: Mapping[int, Proc],
    leaders: Collection[int],
    keeper: int = 0,
    adopted: Callable[[int], int | None] = lambda pid: None,
) -> dict[int, list[int]]:
    """Return the pids of each leader's tree, those of leaders that live only.

    To a tree belong the leader's descendants, and whoever is in its session though its parents
    are gone, with its descendants.  An orphan that has left the session has the keeper as parent:
    `adopted(pid)` says whose it is.
    """
    owner: dict[int, int] = {pid: pid for pid in leaders if pid in procs}
    for pid in procs:
        _own(pid, procs, owner, keeper, adopted)
    found: dict[int, list[int]] = {}
    for pid, leader in owner.items():
        if leader:
            found.setdefault(leader, []).append(pid)
    return found


def _own(
    pid: int,
    procs: Mapping[int, Proc],
    owner: dict[int, int],
    keeper: int,
    adopted: Callable[[int], int | None],
) -> None:
    """Find the owner of `pid`, and of its parents on the way to one that is known; 0: nobody."""
    path, leader = [], 0
    while (known := owner.get(pid)) is None:
        proc = procs.get(pid)
        if proc is None:
            break
        path.append(pid)
        owner[pid] = 0  # Pids read at different moments could make a circle.
        if owner.get(proc.session) == proc.session:
            known = proc.session
            break
        if proc.parent == keeper:
            known = adopted(pid)
            break
        pid = proc.parent
    leader = known or 0
    for pid in path:
        owner[pid] = leader

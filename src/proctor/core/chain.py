"""The chain of dependencies that made the last start take so long.  Values only."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .model import Replica, State
from .world import World


class Link(Struct, frozen=True):
    """A task that was started: seconds from the request to its start, and until it was ready, or
    over.

    `began` and `at` are when these were, in wall seconds.
    """

    task: str
    waited: float
    took: float
    at: float
    began: float


def critical_chain(world: World) -> list[Link]:
    """Return the links, the task that was there last first, then what it waited for longest.

    Runs by a schedule, and those that repeat one that ended, are no part of a start.  A task that
    waited for another comes before one that waited for nothing.
    """
    links = {name: link for name in world.tasks if (link := _link(world, name)) is not None}
    chain: list[Link] = []
    last = max(
        links.values(),
        key=lambda link: (_before(world, link, links) is not None, link.at),
        default=None,
    )
    while last is not None:
        chain.append(last)
        last = _before(world, last, links)
    return chain


def _link(world: World, name: str) -> Link | None:
    task = world.tasks[name]
    begun = [r for r in world.replicas_of(name) if r.run and r.started is not None]
    if not begun or task.spec.is_scheduled or any(r.restarts for r in begun):
        return None
    began = max(r.started or 0.0 for r in begun)
    at = max(_there(r) or began for r in begun)
    return Link(name, max(0.0, began - task.start_time), max(0.0, at - began), at, began)


def _there(r: Replica) -> float | None:
    """Return when it was what others wait for, as far as it has come."""
    return None if r.state is State.STARTING else r.ready_since or r.since


def _before(world: World, link: Link, links: Mapping[str, Link]) -> Link | None:
    """Return the dependency that came last, of those that were there before the link's start."""
    needed = [links[name] for name in world.deps_of(link.task) if name in links]
    return max((n for n in needed if n.at <= link.began), key=lambda n: n.at, default=None)

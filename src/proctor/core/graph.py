"""Dependencies between tasks, as names: cycles, and who waits for whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

Edges = Callable[[str], Collection[str]]
"""The names that a name leads to: what it depends on, or what depends on it."""


def find_cycle(edges: Edges, start: str) -> list[str] | None:
    """Return a way from `start` back to itself, both ends included, or None."""
    came_from: dict[str, str] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        for dep in edges(name):
            if dep == start:
                return [*_way(came_from, start, name), start]
            if dep not in came_from:
                came_from[dep] = name
                todo.append(dep)
    return None


def _way(came_from: Mapping[str, str], start: str, end: str) -> list[str]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def closure(edges: Edges, start: str) -> Iterator[str]:
    """Yield every name that `start` leads to, directly or in turn, nearest first."""
    seen = {start}
    todo = [start]
    while todo:
        following = []
        for name in todo:
            for dep in edges(name):
                if dep not in seen:
                    seen.add(dep)
                    following.append(dep)
                    yield dep
        todo = following

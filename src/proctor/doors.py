"""The sockets that tasks are served with, and starting a task when somebody knocks.

Rule: a task's sockets are open from when it is accepted until it is gone, whatever becomes of its
processes.  One is looked at only while the task is at rest and to be started by it: an idle service
makes no wake-ups.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from .core.changes import Changes
from .core.errors import CannotListen, ProctorError
from .core.model import Replica, ReplicaId, State
from .core.spec import Spec
from .core.world import World
from .engine.listeners import Listeners
from .log import get_logger

log = get_logger("doors")

SHORTEST_PAUSE = 0.1
"""Seconds from one start by a connection to the next, at the least: nobody may have taken it."""

Start = Callable[[Sequence[ReplicaId]], None]


class Doors:
    """Keeps the listeners as the world says; `start(ids)` has replicas run."""

    def __init__(self, world: World, listeners: Listeners, start: Start) -> None:
        self._world = world
        self._listeners = listeners
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._watched: dict[str, list[int]] = {}
        self._opened: dict[str, float] = {}

    def reserve(self, spec: Spec) -> None:
        """Bind a task's sockets before it is accepted.  Raises CannotListen, with the field."""
        if spec.sockets:
            self._listeners.ensure(spec)
            # What is bound for a task that is refused after all is let go again.
            self._loop.call_soon(self._look, spec.name)

    def open(self) -> None:
        """Take up what there is at the start: a port that is in use by now is tried at a spawn."""
        for name in self._listeners.tasks() - self._world.tasks.keys():
            self._listeners.retain(name, ())
        for name, task in self._world.tasks.items():
            if task.spec.sockets:
                try:
                    self._listeners.ensure(task.spec)
                except CannotListen as error:
                    log.error("cannot_listen", task=name, error=str(error))
                self._look(name)

    def follow(self, changes: Changes) -> None:
        """Take in what is different."""
        known = self._listeners.tasks()
        for name in {id.task for id in changes.replicas} | changes.tasks.keys() | changes.removed:
            task = self._world.tasks.get(name)
            if name in known or (task is not None and task.spec.sockets):
                self._look(name)

    def close(self) -> None:
        for name in list(self._watched):
            self._unwatch(name)
        self._listeners.release()

    def _look(self, name: str) -> None:
        task = self._world.tasks.get(name)
        self._listeners.retain(name, task.spec.sockets if task else ())
        self._unwatch(name)
        if task is None:
            self._opened.pop(name, None)
        elif waits_for_connection(task.spec, self._world.replicas_of(name), task.removing):
            self._watch(name, task.spec)

    def _watch(self, name: str, spec: Spec) -> None:
        pause = self._opened.get(name, 0.0) + max(SHORTEST_PAUSE, spec.interval) - time.monotonic()
        if pause > 0:
            self._loop.call_later(pause, self._look_again, name)
            return
        fds = [sock.fileno() for one, sock in self._listeners.of(spec) if one.activate]
        for fd in fds:
            self._loop.add_reader(fd, self._knocked, name)
        self._watched[name] = fds

    def _look_again(self, name: str) -> None:
        if name in self._world.tasks and name not in self._watched:
            self._look(name)

    def _unwatch(self, name: str) -> None:
        for fd in self._watched.pop(name, ()):
            self._loop.remove_reader(fd)

    def _knocked(self, name: str) -> None:
        self._unwatch(name)
        self._opened[name] = time.monotonic()
        try:
            self._start(self._world.ids_of(name))
        except ProctorError as error:  # The service is stopping, say.
            log.warning("not_started", task=name, error=str(error))


def waits_for_connection(spec: Spec, replicas: Sequence[Replica], removing: bool) -> bool:
    """Whether the next connection starts the task: it is at rest, and nobody has stopped it."""
    rests = all(r.state is State.DOWN and not r.stopped for r in replicas)
    return spec.on_demand and spec.enabled and rests and not removing

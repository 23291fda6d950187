"""Restarting tasks when files change.

Rule: a task's files are watched as long as the task is there, whatever becomes of its processes.
inotify tells of single folders, so each folder below a watched one is watched, and what appears is
looked through: a file in it may be older than our watch of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.changes import Changes
from .core.spec import Watch
from .core.watching import concerns, passes
from .core.world import World
from .log import get_logger

if TYPE_CHECKING:
    from asyncinotify import Event

log = get_logger("watch")

OnFiles = Callable[[str, Sequence[str]], None]
StartTask = Callable[[Coroutine[Any, Any, None]], object]


class FileWatches:
    """Keeps the watches as the world says.

    `on_files(task, paths)` is called when a burst of changes is over; `start_task` runs a
    coroutine in the task group of the service.
    """

    def __init__(self, world: World, on_files: OnFiles, start_task: StartTask) -> None:
        self._world = world
        self._on_files = on_files
        self._start_task = start_task
        self._watches: dict[str, _TaskWatch] = {}

    def open(self) -> None:
        for name in self._world.tasks:
            self._look(name)

    def follow(self, changes: Changes) -> None:
        """Take in what is different."""
        for name in changes.tasks.keys() | changes.removed:
            self._look(name)

    def close(self) -> None:
        for name in list(self._watches):
            self._watches.pop(name).close()

    def _look(self, name: str) -> None:
        task = self._world.tasks.get(name)
        wanted = None if task is None or task.removing else task.spec.watch
        current = self._watches.get(name)
        if (current.watch if current else None) == wanted:
            return
        if current is not None:
            self._watches.pop(name).close()
        if wanted is not None:
            watch = _TaskWatch(name, wanted, self._on_files)
            self._watches[name] = watch
            self._start_task(watch.run())


class _TaskWatch:
    """Watches the files of one task; `close` ends `run`."""

    def __init__(self, name: str, watch: Watch, on_files: OnFiles) -> None:
        self.watch = watch
        self._name = name
        self._on_files = on_files
        self._loop = asyncio.get_running_loop()
        self._changed: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._watch_folders()
        except OSError as error:
            # Too many watches or instances for the kernel's limits, mostly (inotify(7)).
            log.error("not_watched", task=self._name, error=error.strerror or str(error))

    async def _watch_folders(self) -> None:
        from asyncinotify import Inotify, Mask

        noticed = Mask.CLOSE_WRITE | Mask.CREATE | Mask.DELETE | Mask.MOVE | Mask.ATTRIB
        gone = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
        watched: set[Path] = set()
        with Inotify() as inotify:
            event: Event | None = None
            while True:
                if event is None or _new_folders(event):
                    folders = await asyncio.to_thread(self._folders)
                    for folder in folders:
                        try:
                            inotify.add_watch(folder, noticed | gone)
                        except (FileNotFoundError, NotADirectoryError):
                            continue  # It has just gone.
                        if event is not None and folder not in watched:
                            self._note(await asyncio.to_thread(_files_in, folder))
                    if event is None:
                        log.info("watching", task=self._name, folders=len(folders))
                    watched = set(folders)
                event = await inotify.get()
                if Mask.Q_OVERFLOW in event.mask:
                    self._burst(self.watch.paths)
                elif Mask.MOVE_SELF in event.mask and event.watch is not None:
                    inotify.rm_watch(event.watch)  # It would report what is elsewhere now.
                elif event.path is not None and Mask.ISDIR not in event.mask:
                    self._note([str(event.path)])

    def _folders(self) -> list[Path]:
        """Return all folders to watch; of what is not there yet the nearest that is."""
        found: dict[Path, None] = {}
        for top in map(Path, self.watch.paths):
            if top.is_dir():
                found.update(dict.fromkeys(self._below(top)))
            else:
                found[next(p for p in top.parents if p.is_dir())] = None
        return list(found)

    def _below(self, top: Path) -> Iterator[Path]:
        for folder, names, _ in os.walk(top):
            names[:] = [n for n in names if passes(self.watch, os.path.join(folder, n))]
            yield Path(folder)

    def _note(self, paths: Iterable[str]) -> None:
        if changed := [path for path in paths if concerns(self.watch, path)]:
            self._burst(changed)

    def _burst(self, paths: Iterable[str]) -> None:
        self._changed.update(dict.fromkeys(paths))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self.watch.debounce, self._tell)

    def _tell(self) -> None:
        paths, self._changed, self._timer = list(self._changed), {}, None
        self._on_files(self._name, paths)


def _new_folders(event: Event) -> bool:
    """Whether there may be other folders now than those that are watched."""
    from asyncinotify import Mask

    return bool(event.mask & (Mask.ISDIR | Mask.Q_OVERFLOW | Mask.IGNORED))


def _files_in(folder: Path) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(folder) if not entry.is_dir()]
    except OSError:
        return []

"""Where logs lie: ROOT/<task>/<replica>/<logical offset of its first byte, 20 digits>.log.

The index of a segment has the same name with `.idx`.  No name is ever followed through a symbolic
link below ROOT.  Every function may raise OSError.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from proctor.core.model import ReplicaId

from .index import RECORD_SIZE, Records, covering
from .rotation import Segment, without_overlap

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_SEGMENT = re.compile(r"([0-9]{20})\.log")
_INDEX = re.compile(r"([0-9]{20})\.idx")
TEMPORARY = ".tmp"


def segment_name(start: int) -> str:
    return f"{start:020d}.log"


def index_name(start: int) -> str:
    return f"{start:020d}.idx"


def open_directory(root: Path, id: ReplicaId, *, create: bool = False) -> int:
    """Return a descriptor of the directory of a replica's log."""
    if create:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = os.open(root, _DIRECTORY)
    for name in (_checked(id.task), str(id.index)):
        try:
            below = _open_below(at, name, create)
        finally:
            os.close(at)
        at = below
    return at


def _checked(task: str) -> str:
    if "/" in task or task in ("", ".", ".."):
        raise ValueError(f"not the name of a task: {task!r}")
    return task


def _open_below(at: int, name: str, create: bool) -> int:
    if create:
        try:
            os.mkdir(name, 0o700, dir_fd=at)
        except FileExistsError:
            pass
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=at)


def segments(directory: int) -> list[Segment]:
    """Return the segments as they lie there, in order; they may overlap."""
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            match = _SEGMENT.fullmatch(entry.name)
            if match is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # rotated away since the directory was read
            if not stat.S_ISREG(status.st_mode):
                continue
            found.append(Segment(int(match[1]), status.st_size, status.st_mtime))
    return sorted(found, key=lambda segment: segment.start)


def recover(directory: int) -> list[Segment]:
    """Put right what a crash left, and return the segments in order.

    Only for the writer.  The length of a segment is the truth: its index is cut to what the
    segment holds.
    """
    found = segments(directory)
    whole = without_overlap(found)
    for segment, cut in zip(found, whole, strict=True):
        if cut.size < segment.size:
            _cut(directory, segment_name(cut.start), cut.size)
    _remove_leftovers(directory, {segment.start for segment in found})
    if whole:
        _cut_index(directory, whole[-1])
    return whole


def _cut(directory: int, name: str, size: int) -> None:
    try:
        file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        os.ftruncate(file, size)
    finally:
        os.close(file)


def _remove_leftovers(directory: int, starts: set[int]) -> None:
    for name in os.listdir(directory):
        index = _INDEX.fullmatch(name)
        if name.endswith(TEMPORARY) or (index and int(index[1]) not in starts):
            os.unlink(name, dir_fd=directory)


def _cut_index(directory: int, segment: Segment) -> None:
    records = read_index(directory, segment.start)
    # A record at the very end is one whose bytes never came: the next takes its place in reading.
    whole = (covering(records, segment.end) + 1) * RECORD_SIZE
    _cut(directory, index_name(segment.start), whole)


def read_index(directory: int, start: int) -> Records:
    """Return the records of the segment that begins at `start`; none if there is no index."""
    try:
        index = os.open(index_name(start), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    except FileNotFoundError:
        return Records(b"")
    with open(index, "rb") as file:
        return Records(file.read())


def segment_size(directory: int, start: int) -> int:
    return _size(directory, segment_name(start))


def index_size(directory: int, start: int) -> int:
    return _size(directory, index_name(start))


def _size(directory: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def remove_segment(root: Path, id: ReplicaId, start: int) -> None:
    """Remove a segment with its index, and the directories that are empty then."""
    directory = open_directory(root, id)
    try:
        unlink(directory, segment_name(start), index_name(start))
    finally:
        os.close(directory)
    for path in (root / id.task / str(id.index), root / id.task):
        try:
            path.rmdir()
        except OSError:
            return  # not empty


def unlink(directory: int, *names: str) -> None:
    for name in names:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            pass


def replicas(root: Path) -> Iterator[ReplicaId]:
    """Return every replica that has a directory, also of tasks that are gone."""
    try:
        with os.scandir(root) as tasks:
            names = [task.name for task in tasks if task.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return
    for task in names:
        for index in indices(root, task):
            yield ReplicaId(task, index)


def indices(root: Path, task: str) -> list[int]:
    """Return the numbers of the replicas of `task` that have a directory, in order."""
    try:
        directory = os.open(root / _checked(task), _DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return []
    try:
        with os.scandir(directory) as entries:
            return sorted(
                int(entry.name)
                for entry in entries
                if re.fullmatch("[0-9]+", entry.name) and entry.is_dir(follow_symlinks=False)
            )
    finally:
        os.close(directory)

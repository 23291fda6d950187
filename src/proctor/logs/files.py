"""Where logs lie: ROOT/<task>/<replica>/<logical offset of its first byte, 20 digits>.log.

The index of a segment has the same name with `.idx`.  A compressed segment is START-END.log.gz (see
pack.py), its index stays what it was; where both are there the plain one counts.  No name is ever
followed through a symbolic link below ROOT.  Every function may raise OSError.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from proctor.core.model import ReplicaId

from .index import RECORD_SIZE, Records, covering
from .rotation import Segment, without_overlap

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_SEGMENT = re.compile(r"([0-9]{20})\.log")
_PACKED = re.compile(r"([0-9]{20})-([0-9]{20})\.log\.gz")
_INDEX = re.compile(r"([0-9]{20})\.idx")
TEMPORARY = ".tmp"
_LOOKS = 5


def segment_name(start: int) -> str:
    return f"{start:020d}.log"


def packed_name(start: int, end: int) -> str:
    return f"{start:020d}-{end:020d}.log.gz"


def name_of(segment: Segment) -> str:
    if segment.packed is None:
        return segment_name(segment.start)
    return packed_name(segment.start, segment.end)


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
    for _ in range(_LOOKS):
        found, steady = _listed(directory)
        if steady and all(after.start <= before.end for before, after in pairwise(found)):
            break
        # One may have been missed that became another file while the directory was read.
    return found


def _listed(directory: int) -> tuple[list[Segment], bool]:
    """Return the segments, and whether none was removed meanwhile."""
    found: dict[int, Segment] = {}
    steady = True
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                segment = _segment_of(entry)
            except FileNotFoundError:
                steady = False
                continue
            if segment is not None and (segment.packed is None or segment.start not in found):
                found[segment.start] = segment
    return [found[start] for start in sorted(found)], steady


def _segment_of(entry: os.DirEntry[str]) -> Segment | None:
    plain = _SEGMENT.fullmatch(entry.name)
    match = plain or _PACKED.fullmatch(entry.name)
    if match is None:
        return None
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return None
    start = int(match[1])
    if plain:
        return Segment(start, status.st_size, status.st_mtime)
    return Segment(start, int(match[2]) - start, status.st_mtime, status.st_size)


def recover(directory: int) -> list[Segment]:
    """Put right what a crash left, and return the segments in order.

    Only for the writer.  The length of a segment is the truth: its index is cut to what the
    segment holds.
    """
    found = segments(directory)
    whole = without_overlap(found)
    for segment, cut in zip(found, whole, strict=True):
        if cut.size < segment.size and cut.packed is None:
            _cut(directory, segment_name(cut.start), cut.size)
    _remove_leftovers(directory, found)
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


def _remove_leftovers(directory: int, found: Sequence[Segment]) -> None:
    starts = {segment.start for segment in found}
    names = {name_of(segment) for segment in found}
    for name in os.listdir(directory):
        index = _INDEX.fullmatch(name)
        orphan = index is not None and int(index[1]) not in starts
        doubled = _PACKED.fullmatch(name) is not None and name not in names
        if name.endswith(TEMPORARY) or orphan or doubled:
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


def remove_segment(root: Path, id: ReplicaId, segment: Segment) -> None:
    """Remove a segment with its index, and the directories that are empty then."""
    directory = open_directory(root, id)
    try:
        unlink(directory, name_of(segment), index_name(segment.start))
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


@contextmanager
def packing(root: Path, id: ReplicaId, segment: Segment) -> Iterator[tuple[int, int]]:
    """Open a segment, and a new file under the temporary name of what it becomes compressed."""
    with ExitStack() as stack:
        directory = open_directory(root, id)
        stack.callback(os.close, directory)
        source = os.open(segment_name(segment.start), os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
        stack.callback(os.close, source)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        target = os.open(_temporary(segment), flags, 0o600, dir_fd=directory)
        stack.callback(os.close, target)
        yield source, target


def replace_by_packed(root: Path, id: ReplicaId, segment: Segment) -> None:
    """Let what lies under the temporary name count, and remove the plain segment.

    A crash between the two leaves both, and the plain one counts.
    """
    directory = open_directory(root, id)
    try:
        name = packed_name(segment.start, segment.end)
        os.rename(_temporary(segment), name, src_dir_fd=directory, dst_dir_fd=directory)
        unlink(directory, segment_name(segment.start))
    finally:
        os.close(directory)


def remove_packed(root: Path, id: ReplicaId, segment: Segment) -> None:
    """Remove what lies under the temporary name."""
    directory = open_directory(root, id)
    try:
        unlink(directory, _temporary(segment))
    finally:
        os.close(directory)


def _temporary(segment: Segment) -> str:
    return packed_name(segment.start, segment.end) + TEMPORARY

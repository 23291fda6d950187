"""The segment that is being written: bytes go from a pipe to its file inside the kernel."""

from __future__ import annotations

import errno
import os
import time

from . import files
from .index import RECORD_SIZE, Record, behind, encode, first_time
from .rotation import next_start

_WRITE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_NEARBY = 64 << 10
_UNSPLICEABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
SPLICES = hasattr(os, "splice")


class OpenSegment:
    """A segment with its descriptors.  Rule: `end` is where the next byte of the stream goes.

    `began` is when its first byte came (wall seconds), now if it has none.

    Methods raise OSError as the kernel does; what they did until then stays consistent, because
    every write says where it goes.
    """

    __slots__ = (
        "_directory",
        "_file",
        "_index",
        "_index_size",
        "_splices",
        "began",
        "end",
        "spilled",
        "start",
    )

    def __init__(self, directory: int, start: int) -> None:
        """Open the segment that begins at `start`, or begin it.  Takes over `directory`."""
        self._directory = directory
        self.start = start
        self.spilled = 0  # bytes that were read and could not be written
        self._splices = SPLICES
        # Not O_APPEND, which splice refuses.
        self._file = os.open(files.segment_name(start), _WRITE, 0o600, dir_fd=directory)
        try:
            self._index = os.open(files.index_name(start), _WRITE, 0o600, dir_fd=directory)
        except OSError:
            os.close(self._file)
            raise
        self.end = start + os.fstat(self._file).st_size
        self._index_size = os.fstat(self._index).st_size // RECORD_SIZE * RECORD_SIZE
        self.began = first_time(os.pread(self._index, RECORD_SIZE, 0)) or time.time()

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def index_size(self) -> int:
        return self._index_size

    def close(self) -> None:
        os.close(self._file)
        os.close(self._index)
        os.close(self._directory)

    def intact(self) -> bool:
        """Whether the file is still there under its name, as long as we know it."""
        name = files.segment_name(self.start)
        try:
            status = os.stat(name, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return status.st_size == self.size and status.st_ino == os.fstat(self._file).st_ino

    def record(self, record: Record) -> None:
        packed = encode(record)
        if os.pwrite(self._index, packed, self._index_size) < len(packed):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._index_size += len(packed)

    def take(self, pipe: int, most: int) -> int:
        """Move at most `most` bytes from the pipe to the file; return how many, 0 at its end.

        Raises BlockingIOError if the pipe is empty.
        """
        if not self._splices:
            return self._copy(pipe, most)
        try:
            moved = os.splice(
                pipe, self._file, most, offset_dst=self.size, flags=os.SPLICE_F_NONBLOCK
            )
        except OSError as error:
            if error.errno not in _UNSPLICEABLE:
                raise
            self._splices = False
            return self._copy(pipe, most)
        self.end += moved
        return moved

    def _copy(self, pipe: int, most: int) -> int:
        """Do without splice, as some file systems ask for; a crash in the middle loses `most`."""
        left = memoryview(os.read(pipe, most))
        moved = len(left)
        while left:
            try:
                written = os.pwrite(self._file, left, self.size)
            except OSError:
                self.spilled += len(left)
                raise
            self.end += written
            left = left[written:]
        return moved

    def cut(self, longest_tail: int) -> int:
        """Give what is behind the last line end to a new segment; return where that begins.

        If nothing is behind it, or no line end is near, nothing is written: the next segment
        begins at `end`.  This one is not to be written any more.
        """
        begin = self._line_end(min(longest_tail, self.size - 1))
        if begin < self.end:
            if not self._found(begin):
                return self.end
            # Only now, when the bytes are in the new segment: a crash before leaves an overlap,
            # which `rotation.without_overlap` settles.
            os.ftruncate(self._file, begin - self.start)
            self.end = begin
        return begin

    def _line_end(self, longest_tail: int) -> int:
        for length in (min(_NEARBY, longest_tail), longest_tail):
            tail = os.pread(self._file, length, self.size - length)
            begin = next_start(tail, self.end)
            if begin < self.end or tail.endswith(b"\n"):
                return begin
        return self.end

    def _found(self, begin: int) -> bool:
        """Write the successor of this segment, from `begin` on; it exists at once or not at all."""
        tail = os.pread(self._file, self.end - begin, begin - self.start)
        records = behind(files.read_index(self._directory, self.start), begin)
        name = files.segment_name(begin)
        temporary = name + files.TEMPORARY
        at = self._directory
        try:
            self._write(files.index_name(begin), b"".join(map(encode, records)))
            self._write(temporary, tail)
            os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
        except OSError:
            files.unlink(at, files.index_name(begin), temporary)
            return False
        return True

    def _write(self, name: str, content: bytes) -> None:
        file = os.open(name, _WRITE | os.O_TRUNC, 0o600, dir_fd=self._directory)
        with open(file, "wb") as target:
            target.write(content)

"""Where a program's text comes from: files, includes, and the positions in them.

Law: every token of a unit has one number, its position; `Sources.where` turns it
back into file and line.  Python's own line tables then carry positions through
compiled code at no cost.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_right

MAX_BYTES = 2 << 20  # of one unit, includes counted as often as they are read


class Sources:
    """The files of one unit and the range of positions each has."""

    __slots__ = ("bases", "end", "names", "size")

    def __init__(self) -> None:
        self.bases: list[int] = []
        self.names: list[str] = []
        self.size = 1  # the first position that is not given away
        self.end = 0  # the position of the unit's last token

    def add(self, name: str, text: bytes) -> int:
        """Give a file its range of positions; return what is to be added to a line."""
        base = self.size
        self.bases.append(base)
        self.names.append(name)
        self.size += text.count(b"\n") + 3
        return base

    def where(self, position: int) -> tuple[str, int]:
        """Return file and line of a position."""
        index = bisect_right(self.bases, position) - 1
        if index < 0:
            return self.names[0] if self.names else "", 0
        return self.names[index], position - self.bases[index]


def find(path: str, directory: str) -> str:
    """Return the path of an included file: `@` is `directory`, then come the search paths."""
    if path.startswith("@"):
        return f"{directory}/{path[1:]}" if not path.startswith("@/") else directory + path[1:]
    if os.path.isabs(path) or os.path.exists(path):
        return path
    for folder in os.environ.get("MELANG_PATH", "").split(";"):
        if folder and os.path.exists(candidate := os.path.join(folder, path)):
            return candidate
    return path


def read(path: str) -> list[tuple[str, bytes]]:
    """Return name and text of the file, or of all regular files in the directory.

    Raises OSError; a device, a pipe or a file that is too long counts as one.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        names = sorted(os.path.join(path, name) for name in os.listdir(path))
        return [
            (name, _text(name))
            for name in names
            if os.path.isfile(name) and not os.path.basename(name).startswith(".")
        ]
    return [(path, _text(path))]


def _text(path: str) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path}: not a regular file")
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)

"""How many bytes of output are on the disk.  May block: reads directories."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from proctor.core.model import ReplicaId


def log_sizes(root: Path, ids: Iterable[ReplicaId]) -> dict[ReplicaId, int]:
    """Return the bytes of each replica's log, its indices included; 0 where there is none."""
    return {id: _size(root / id.task / str(id.index)) for id in ids}


def _size(directory: Path) -> int:
    total = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # rotated away meanwhile
    except OSError:
        return 0
    return total

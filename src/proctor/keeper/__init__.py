"""The keeper: the parent of everything that runs.  Standard library only, imports nothing of ours.

It is started as `python -I -S FOLDER -- MANAGER...`; see `command`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def command(manager: Sequence[str], *, python: str = sys.executable) -> list[str]:
    """Return the argv that runs a keeper, which in turn runs (and restarts) `manager`."""
    return [python, "-I", "-S", os.path.dirname(os.path.abspath(__file__)), "--", *manager]

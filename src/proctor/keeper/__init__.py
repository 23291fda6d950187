"""The keeper: the parent of everything that runs.  Standard library only, imports nothing of ours.

It is started as `python -I -S FOLDER -- MANAGER...`; see `command`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def command(
    manager: Sequence[str], *, first: tuple[int, int] | None = None, python: str = sys.executable
) -> list[str]:
    """Return the argv that runs a keeper, which in turn runs (and restarts) `manager`.

    `first`: one runs already, as its child: the pid, and the descriptor of the line to it.
    """
    given = [] if first is None else ["--first", *map(str, first)]
    folder = os.path.dirname(os.path.abspath(__file__))
    return [python, "-I", "-S", folder, *given, "--", *manager]


def begin(manager: Sequence[str]) -> None:
    """Become the keeper of `manager`.  It is started before, to get ready meanwhile."""
    import signal

    from .launch import have_standard_files, launch

    # What comes before the keeper can take it waits: it would leave a manager without a keeper.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    have_standard_files()
    first = None
    try:
        pid, line = launch(list(manager))
    except OSError:
        pass  # The keeper will see the same, and say so.
    else:
        line.set_inheritable(True)
        first = pid, line.fileno()
    argv = command(manager, first=first)
    os.execv(argv[0], argv)

"""How the script hosts are started."""

from __future__ import annotations

import sys
from pathlib import Path

from proctor.core.spec import Spec, TaskType


def host_command(spec: Spec) -> tuple[str, ...]:
    """Return the argv of the host for a script.

    Without -P the working directory would be searched for our own modules, too.
    The Python host is started by its path: another environment's interpreter has no `proctor`.
    """
    if spec.type is TaskType.MELANG:
        return (sys.executable, "-P", "-m", "proctor.scripts.host")
    program = Path(__file__).with_name("python_host.py")
    return (spec.interpreter or sys.executable, "-P", str(program))

"""The command `melang FILE…`: each file is a script, all run side by side."""

from __future__ import annotations

import sys

RECURSION = 1200  # calls of script functions; the original's stack ends sooner
VERSION = "melang 0.1.0"
USAGE = """Usage: melang [-v] [-h] FILE...

Run Melang scripts.  What they print goes to stderr, unbuffered.

  -v  show the version
  -h  show this help
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the scripts named on the command line; return the exit status."""
    names = sys.argv[1:] if arguments is None else arguments
    if "-h" in names or "-v" in names or not names:
        sys.stdout.write(VERSION + "\n" if "-v" in names else USAGE)
        return 0 if names else 1
    from .scheduler import CompileError, Scheduler

    sys.setrecursionlimit(RECURSION)
    scheduler = Scheduler()
    status = 0
    for name in names:
        try:
            scheduler.spawn(name)
        except CompileError as error:
            scheduler.host.write(error.report.encode("latin-1", "replace") + b"\n")
            status = max(status, 0 if error.line else 1)
    try:
        scheduler.run()
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())

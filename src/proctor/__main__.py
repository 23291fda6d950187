"""The command `proctor`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line.

    `serve` first becomes the keeper, which runs `serve` again as its child, the manager.  That
    needs nothing but the standard library, so nothing else is imported on the way.
    """
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"] and _becomes_keeper(arguments):
        from proctor.keeper import begin

        begin([sys.executable, "-m", "proctor", *arguments])
    from proctor.cli import cli

    cli(prog_name="proctor")


def _becomes_keeper(arguments: list[str]) -> bool:
    return "PROCTOR_KEEPER_FD" not in os.environ and not {"--help", "-h"} & set(arguments)


if __name__ == "__main__":
    main()

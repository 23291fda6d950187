"""The command `proctor`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line.

    `serve` first becomes the keeper, which runs `serve` again as its child, the manager.  That
    needs nothing but the standard library, so nothing else is imported on the way.
    """
    # Importing makes much that stays and nothing to collect; looking for it takes a sixth of the
    # time.  Whoever has loaded what it needs enables it again.
    gc.disable()
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"]:
        _serve(arguments)
    if sys.__stdout__ is None:  # Closed: `proctor start web >&-`.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    from proctor.cli import cli

    cli(prog_name="proctor")


def _serve(arguments: list[str]) -> None:
    """Be the keeper, or the manager; return if it is neither, but help or an error."""
    if {"--help", "-h"} & set(arguments):
        return
    if "PROCTOR_KEEPER_FD" not in os.environ:
        from proctor.keeper import begin

        begin([sys.executable, "-m", "proctor", *arguments])
    from proctor import serving

    given = serving.parse(arguments[1:])
    if given is not None:
        sys.exit(serving.serve(given))


if __name__ == "__main__":
    main()

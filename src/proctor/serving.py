"""`proctor serve`: its options, and what it does.

The command line's library takes as long to load as half of the service, so options that are as they
should be are read here; what is wrong with others, and the help, that library says.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Option(NamedTuple):
    """`--name VALUE`, or `--name` alone if it is a `flag`; `type` makes the value of a text."""

    name: str
    help: str
    type: type = str
    flag: bool = False


OPTIONS = (
    Option("host", "Address to listen on (default 127.0.0.1)."),
    Option("port", "Port to listen on (default 8606).", int),
    Option("state-dir", "Where everything is kept (default $PROCTOR_STATE_DIR, or XDG)."),
    Option("unix-socket", 'Path of the socket for this user ("none" for none).'),
    Option("config", "Settings as a TOML file.", Path),
    Option("token-file", "File with the token that clients must show."),
    Option("insecure", "Listen for others without a token.", flag=True),
)
_BY_NAME = {f"--{option.name}": option for option in OPTIONS}

Given = Mapping[str, object]


def parse(arguments: Sequence[str]) -> Given | None:
    """Return the options given, by name, as config.load takes them; None: something is wrong."""
    given: dict[str, object] = {}
    rest = list(arguments)
    while rest:
        name, sign, value = rest.pop(0).partition("=")
        option = _BY_NAME.get(name)
        if option is None or (sign and option.flag):
            return None
        if option.flag:
            given[_key(option)] = True
            continue
        if not sign:
            if not rest:
                return None
            value = rest.pop(0)
        try:
            given[_key(option)] = option.type(value)
        except ValueError:
            return None
    return given


def _key(option: Option) -> str:
    return option.name.replace("-", "_")


def serve(given: Given) -> int:
    """Be the manager whose keeper has started us; return the exit status."""
    from . import config

    options = {name: value for name, value in given.items() if name != "config"}
    file = given.get("config")
    assert file is None or isinstance(file, Path)
    try:
        settings = config.load(file, options)
    except config.ConfigError as error:
        sys.stderr.write(f"proctor: {error}\n")
        return 2
    from . import daemon

    gc.freeze()
    gc.enable()
    return daemon.run(settings, int(os.environ["PROCTOR_KEEPER_FD"]))

"""From a shell command to the argv that runs it."""

from __future__ import annotations

import re

# One process instead of two for `sleep 5`, and a missing program is a failed spawn with its name
# instead of a shell that exits 127.  GNU make does the same (job.c, construct_command_argv).
_PLAIN = r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*(?: +[A-Za-z0-9_@%+=:,./-]+)*"

# Keywords and builtins of POSIX sh, dash and bash: what they do a program of the same name does
# differently, or not at all.
_SHELL_WORDS = """
case do done elif else esac fi for function if in select then time until while coproc
. : alias bg bind break builtin caller cd chdir command compgen complete compopt continue
declare dirs disown echo enable eval exec exit export false fc fg getopts hash help history
jobs kill let local logout mapfile newgrp popd printf pushd pwd read readarray readonly return
set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait
"""
_NOT_PROGRAMS = frozenset(_SHELL_WORDS.split())


def argv_of(cmd: str | tuple[str, ...]) -> list[str]:
    """Return the words of a command that needs no shell, else `/bin/sh -c cmd`.

    A command that is given as its words is taken as it is.

    Plain words hold nothing that a shell would treat: no quote, glob, tilde, variable, redirection,
    assignment, comment, line end; and the first is no keyword or builtin.
    """
    if not isinstance(cmd, str):
        return list(cmd)
    words = cmd.strip(" ")
    if re.fullmatch(_PLAIN, words):
        argv = words.split()
        if argv[0] not in _NOT_PROGRAMS and "=" not in argv[0]:
            return argv
    return ["/bin/sh", "-c", cmd]

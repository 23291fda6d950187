from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proctor.engine.argv import argv_of


@pytest.mark.parametrize(
    ("cmd", "argv"),
    [
        ("sleep 5", ["sleep", "5"]),
        ("  /usr/bin/env   -i  --x=a,b ", ["/usr/bin/env", "-i", "--x=a,b"]),
        ("python3 -m http.server 8000", ["python3", "-m", "http.server", "8000"]),
        ("./run.sh user@host:/x +%s a=b", ["./run.sh", "user@host:/x", "+%s", "a=b"]),
        (("echo", "*", ""), ["echo", "*", ""]),
    ],
)
def test_plain_words_need_no_shell(cmd: str | tuple[str, ...], argv: list[str]) -> None:
    assert argv_of(cmd) == argv


@pytest.mark.parametrize(
    "cmd",
    [
        *("a; b", "a && b", "a|b", "a & ", "a > x", "a <x", "(a)", "{ a; }", "! a", "a # c"),
        *(
            "a $X",
            "a `b`",
            "a 'b'",
            'a "b"',
            "a \\b",
            "a *",
            "a ?",
            "a [x]",
            "a ~",
            "~/a",
            "a {b,c}",
        ),
        *("X=1 a", "a\nb", "a\tb", "a\rb", "", "  ", "é", "a\0b", "a !b", "a ^b"),
        *("echo x", "exec a", "cd /", "test x", ". ./a", ": x", "true", "kill 1", "time a", "if a"),
        *("source a", "ulimit -n 5", "wait", "[ a ]", "[[ a ]]", "let x", "umask 7", "while a"),
    ],
)
def test_everything_else_is_the_shells_unchanged(cmd: str) -> None:
    assert argv_of(cmd) == ["/bin/sh", "-c", cmd]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_no_builtin_of_this_machines_shells_is_taken_for_a_program(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    # POSIX sh cannot list its own, so it is asked about the name of every program there is.
    names = {p.name for p in Path("/usr/bin").iterdir() if p.name.isalnum()}
    ask = 'for n in "$@"; do type "$n"; done; compgen -bk | sed "s/$/ is a shell builtin/"'
    said = subprocess.run(
        [shell, "-c", ask, shell, *WORDS.split(), *names], capture_output=True, text=True
    ).stdout
    own = {line.split()[0] for line in said.splitlines() if _BUILTIN.search(line)}
    assert {"cd", "echo", "exec"} <= own
    assert [name for name in sorted(own) if argv_of(f"{name} x")[0] != "/bin/sh"] == []


_BUILTIN = re.compile(r"is a (special )?shell (builtin|keyword)")
WORDS = """
alias bg cd command echo eval exec exit export false fc fg getopts hash if jobs kill local printf
pwd read readonly return set shift test times trap true type ulimit umask unset wait
"""

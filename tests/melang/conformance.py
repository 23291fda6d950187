"""Running the conformance programs and comparing what they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).parent / "cases"
_ADDRESS = re.compile(rb"<(ARRAY|OBJECT)><[0-9A-Fa-f]+>")


def normalised(output: bytes) -> bytes:
    """Return the output as the expected files have it: without memory addresses."""
    return _ADDRESS.sub(rb"<\1><ADDR>", output)


def run_case(name: str) -> bytes:
    """Return what a case prints, in a process of its own as the original ran it."""
    result = subprocess.run(
        [sys.executable, "-m", "melang", f"{name}.m"],
        cwd=CASES,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return normalised(result.stdout)


def expected(name: str) -> bytes:
    """Return what the original prints."""
    return (CASES / f"{name}.out").read_bytes()

"""The original's programs print what the original printed, byte for byte."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from .conformance import CASES, expected, normalised, run_case
from .running import raw_output_of

NAMES = sorted(path.stem for path in CASES.glob("*.m"))
# Cases on which we differ knowingly, with the reason; docs/melang.md lists them too.
DEVIATIONS: dict[str, str] = {}
TIMED = ("co-",)  # These sleep for some milliseconds, and a loaded machine is late.
RETRIES = 3
# These use fixed ports or fixed files below the system's temporary folder.
ALONE = ("lib-net", "lib-file", "lib-sys-files", "lib-md5-sha")


def script_output(name: str) -> bytes:
    """Return what a case prints, run in this process, which is much faster."""
    return raw_output_of((CASES / f"{name}.m").read_bytes(), f"{name}.m")


@contextmanager
def alone() -> Iterator[None]:
    """Keep other processes of the test run out."""
    folder = Path(tempfile.gettempdir())
    with (folder / "melang-cases.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree("/tmp/mlcase_dir", ignore_errors=True)
        yield


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_the_original_prints(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)

    with alone() if name.startswith(ALONE) else nullcontext():
        output = normalised(script_output(name))
        for _ in range(RETRIES if name.startswith(TIMED) else 0):
            if output != expected(name):
                output = normalised(script_output(name))

    if name in DEVIATIONS:
        assert output != expected(name), "no longer a deviation"
    else:
        assert output == expected(name)


@pytest.mark.parametrize("name", ["co-exec", "err-eval-errors", "err-exit-status", "lang-pp-if"])
def test_prints_the_same_as_a_command(name: str) -> None:
    assert run_case(name) == expected(name)


def test_every_deviation_is_a_case_and_documented() -> None:
    docs = Path(__file__).parents[2] / "docs" / "melang.md"
    text = docs.read_text()

    assert set(DEVIATIONS) <= set(NAMES)
    assert all(name in text for name in DEVIATIONS)

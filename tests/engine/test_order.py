"""What a task's environment files say, and how those that make no sense are told."""

from pathlib import Path

import pytest

from proctor.core.spec import Spec, TaskType
from proctor.engine.order import BadEnvironment, from_files


def read(tmp_path: Path, text: str, sign: str = "") -> dict[str, str]:
    file = tmp_path / "some.env"
    file.write_bytes(text.encode())
    return from_files(Spec("web", TaskType.DAEMON, "true", env_files=(f"{sign}{file}",)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('A=1\nB="open\nC=3\n', 2),
        ('A=1\n\n# note\nB="open\nC=3\nD="x"\n', 4),
        ("\n\n  A='it''s'\n", 3),
        ('B="a" tail\n', 1),
        ("A=1\r\nB junk\r\n", 2),
        ("=x\n", 1),
        ("A=1\nB\n", 2),
    ],
)
def test_a_line_that_makes_no_sense_is_named_with_its_file(
    tmp_path: Path, text: str, line: int
) -> None:
    for sign in ("", "-"):
        with pytest.raises(BadEnvironment, match=rf"some\.env: line {line} makes no sense"):
            read(tmp_path, text, sign)


def test_a_file_is_read_as_shells_would(tmp_path: Path) -> None:
    text = "\ufeff# note\nA=1 # one\nexport B='two # 2'\nexport A\n\n"
    text += 'C="3\n4" # more\nD=\nE=$A\nA=5\n'
    assert read(tmp_path, text) == {"A": "5", "B": "two # 2", "C": "3\n4", "D": "", "E": "$A"}

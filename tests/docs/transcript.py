"""Documentation as a test: what its pages show is what happens.

A page's examples run from top to bottom, in a folder of its own, beside a service.

    ```console      `$ command` (`> ` goes on with it), and what it prints; `...`: any lines
    ```toml FILE    (or any other kind): the file is written
    ```python       the program is run; a ```text block right behind it is what it prints

Numbers, times and durations may differ, and so may the space between columns.  To put into a page
what its examples print now: python -m tests.docs.transcript docs/cli.md
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

SRC = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "T"),
    (r"\b(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(\.\d+)?", "T"),
    (r"\b\d+(\.\d+)?(ms|s|m|h|d)(\d+(ms|s|m|h))*\b", "D"),
    (r"\b\d+(\.\d+)?[KMG]?\b( restarts?\b)?", "N"),
    (r"\b[0-9a-f]{16}\b", "H"),
    (r"\b(root|uid \d+) via\b", "USER via"),
    (r"[ \t]+", " "),
)


class Step(NamedTuple):
    """Something that is run, what it printed when the page was written, and where that is."""

    command: str
    expected: str
    begin: int
    end: int
    python: bool = False


class Page:
    """The examples of a page; `substitute` are texts of the page that are others here."""

    def __init__(self, path: Path, folder: Path, substitute: Mapping[str, str]) -> None:
        self.text = path.read_text("utf-8")
        self._folder = folder
        self._there = substitute
        self._env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PROCTOR_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "110",
        }

    def steps(self, env: Mapping[str, str]) -> Iterator[tuple[Step, str]]:
        """Do what the page says, step by step; yield each step and what it printed."""
        self._env |= env
        blocks = list(_BLOCK.finditer(self.text))
        for number, block in enumerate(blocks):
            kind, name, body = block.groups()
            if name is not None:
                (self._folder / name).write_text(body)
            elif kind == "console":
                for step in _commands(body, block.start(3)):
                    yield step, self._run(["bash", "-c", self._here(step.command)])
            elif kind == "python":
                shown = blocks[number + 1] if number + 1 < len(blocks) else None
                if shown is not None and shown[1] == "text" and _adjoin(self.text, block, shown):
                    step = Step(body, shown[3], shown.start(3), shown.end(3), True)
                else:
                    step = Step(body, "", block.end(), block.end(), True)
                yield step, self._run([sys.executable, "-c", self._here(body)])

    def _here(self, text: str) -> str:
        for page, here in self._there.items():
            text = text.replace(page, here)
        return text

    def _run(self, argv: list[str]) -> str:
        """Run it on a terminal, and return what it prints there, in the words of the page."""
        ours, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST  # No carriage returns.
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        termios.tcsetwinsize(theirs, (50, 110))
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=self._folder,
            env=self._env,
        )
        os.close(theirs)
        text = _read(ours).decode()
        process.wait()
        if "jq" in argv[-1]:  # It has no ear for NO_COLOR.
            text = re.sub(r"\x1b\[[\d;]*m", "", text)
        for page, here in self._there.items():
            padded = re.escape(here) + r"(\S*)( {2,})"
            gap = " " * (len(here) - len(page))  # So that columns stay columns.
            text = re.sub(padded, lambda m, page=page, gap=gap: page + m[1] + m[2] + gap, text)
            text = text.replace(here, page)
        return "".join(line.rstrip() + "\n" for line in text.splitlines())


def _read(fd: int) -> bytes:
    found = b""
    with os.fdopen(fd, "rb", buffering=0) as terminal:
        while True:
            try:
                piece = terminal.read(65536)
            except OSError:  # EIO: nobody has it open any more.
                return found
            if not piece:
                return found
            found += piece


def _adjoin(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    return not text[first.end() : second.start()].strip()


def _commands(body: str, offset: int) -> Iterator[Step]:
    """Yield the commands of a console block; lines that begin with `> ` go on with one."""
    for match in re.finditer(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
        command = re.sub(r"^> ", "", match[1], flags=re.MULTILINE)
        yield Step(command, match[2], offset + match.start(2), offset + match.end(2))


def normal(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    lines = []
    for line in text.splitlines():
        for pattern, sign in _VARIES:
            line = re.sub(pattern, sign, line)
        lines.append(line.strip())
    return lines


def fits(expected: str, printed: str) -> bool:
    """Whether that is what was expected; `...` stands for any number of lines."""
    parts = [
        r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in normal(expected)
    ]
    return (
        re.fullmatch("".join(parts), "".join(line + "\n" for line in normal(printed))) is not None
    )


def filled(page: Page, env: Mapping[str, str], keep: Callable[[Step], bool]) -> str:
    """Return the page with what its examples print now, but for those to `keep`."""
    text, moved = page.text, 0
    for step, printed in page.steps(env):
        if keep(step):
            continue
        text = text[: step.begin + moved] + printed + text[step.end + moved :]
        moved += len(printed) - (step.end - step.begin)
    return text


def main(path: Path) -> None:
    from tests.system.service import Service

    with tempfile.TemporaryDirectory(prefix="docs") as folder:
        place = Path(folder)
        (place / "shop").mkdir()
        service = Service(place / "state").start()
        try:
            page = Page(path, place / "shop", substitutes(service, place / "shop"))
            text = filled(page, environment(service), lambda step: "..." in step.expected.split())
            path.write_text(text)
        finally:
            service.stop()


def environment(service: object) -> dict[str, str]:
    return {"PROCTOR_STATE_DIR": str(service.state_dir)}  # type: ignore[attr-defined]


def substitutes(service: object, folder: Path) -> dict[str, str]:
    """Return what pages say, and what it is here."""
    return {
        "8606": str(service.port),  # type: ignore[attr-defined]
        "/home/me/shop": str(folder),
        "/var/lib/proctor": str(service.state_dir),  # type: ignore[attr-defined]
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))

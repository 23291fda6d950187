"""What is wrong with a file, said with the file, the line and the key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct


class Problem(Struct, frozen=True):
    """`where` is the key, dotted: "tasks.web.replica"; empty if it is the file as such."""

    file: Path
    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return (
            f"{place}: {self.where}: {self.message}" if self.where else f"{place}: {self.message}"
        )


class ManifestError(Exception):
    """The file cannot be used; the message has a line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Return " (did you mean `x`?)", or what there is if nothing is like it, or nothing."""
    names = sorted(known)
    if close := difflib.get_close_matches(wrong, names, n=1, cutoff=0.6):
        return f" (did you mean `{close[0]}`?)"
    if 0 < len(names) <= 12:
        return f" (there are: {', '.join(names)})"
    return ""

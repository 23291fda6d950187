"""Finding and reading the file of tasks, for the commands that take one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .failure import Misused

if TYPE_CHECKING:
    from proctor.manifest.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])


def file_options(function: F) -> F:
    profile = click.option(
        "-p", "--profile", "profiles", multiple=True, help="Apply this profile; may be repeated."
    )
    file = click.option(
        "-f", "--file", type=click.Path(path_type=Path), help="The file (default ./proctor.toml)."
    )
    return file(profile(function))


def load_file(file: Path | None, profiles: Sequence[str]) -> Manifest:
    """Return the tasks of the file named, or of the one in this folder."""
    from proctor.manifest.manifest import load
    from proctor.manifest.problems import ManifestError

    try:
        return load(file or found_file(), profiles)
    except ManifestError as error:
        raise Misused(str(error)) from None


def found_file() -> Path:
    from proctor.manifest.documents import NAMES, find

    found = find(Path())
    if found is None:
        names = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
        raise Misused(f"no {names} in {Path.cwd()} (name a file with -f)")
    return found

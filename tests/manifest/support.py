"""Files written for a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from proctor.manifest.manifest import Manifest, load
from proctor.manifest.problems import ManifestError


def write(folder: Path, text: str, name: str = "proctor.toml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text))
    return file


def loaded(folder: Path, text: str, profiles: Sequence[str] = ()) -> Manifest:
    return load(write(folder, text), profiles)


def faults(folder: Path, text: str, profiles: Sequence[str] = (), name: str = "") -> list[str]:
    """Return what is said of a wrong file, without the folder."""
    file = write(folder, text, name or "proctor.toml")
    with pytest.raises(ManifestError) as caught:
        load(file, profiles)
    return str(caught.value).replace(f"{folder}/", "").splitlines()

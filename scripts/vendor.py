"""Refresh, or with --check verify, the files of others that we ship in src/proctor/web/vendor.

    python scripts/vendor.py            fetch (needs npm) and write them, and their VERSIONS
    python scripts/vendor.py --check    say whether the files are what VERSIONS says

A new version: change it in PACKAGES, run, look at the diff of VERSIONS, commit.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "src" / "proctor" / "web" / "vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package; `files` are what we keep of it, in `folder`."""

    name: str
    version: str
    licence: str
    folder: str
    files: tuple[str, ...]


PACKAGES = [
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "Apache-2.0",
        "swagger-ui",
        (
            "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css",
            "LICENSE",
            "NOTICE",
        ),
    )
]


def fetch(package: Package) -> None:
    """Put the package's files in place."""
    target = VENDOR / package.folder
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        spec = f"{package.name}@{package.version}"
        command = ["npm", "pack", "--silent", "--pack-destination", folder, spec]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for name in package.files:
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    raise SystemExit(f"{spec} has no file {name}")
                (target / name).write_bytes(_without_source_map(member.read()))


def _without_source_map(content: bytes) -> bytes:
    """Drop the pointer to a source map that we do not ship: browsers would ask for it."""
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if b"# sourceMappingURL=" not in line[:40])


def versions() -> str:
    """Return what VERSIONS says of the files as they are."""
    lines = ["# Made by scripts/vendor.py: package, version, licence, then sha256 and file.", ""]
    for package in PACKAGES:
        lines.append(f"{package.name} {package.version} {package.licence}")
        for name in package.files:
            path = VENDOR / package.folder / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {package.folder}/{name}")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="change nothing")
    if arguments.parse_args().check:
        return 0 if (VENDOR / "VERSIONS").read_text() == versions() else 1
    for package in PACKAGES:
        fetch(package)
    (VENDOR / "VERSIONS").write_text(versions())
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Refresh, or with --check verify, the files of others: those that we ship, in
src/proctor/web/vendor, and those that our tests need, in tests/web/vendor.

    python scripts/vendor.py            fetch (needs npm) and write them, and their VERSIONS
    python scripts/vendor.py --check    say whether the files are what VERSIONS says

A new version: change it in PACKAGES, run, look at the diff of VERSIONS, commit.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "src" / "proctor" / "web" / "vendor"
TESTS = ROOT / "tests" / "web" / "vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package; `files` are what we keep of it, in `folder`.

    `modules` are kept under another name: {"dist/preact.mjs": "preact.js"}.  What they import by a
    package's name they import by a path afterwards: a browser knows no names without an import
    map, which would be an inline script.
    """

    name: str
    version: str
    licence: str
    folder: str
    files: tuple[str, ...]
    modules: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> dict[str, str]:
        """What we keep: the file's path in the package, and its name here."""
        return {name: name for name in self.files} | self.modules


IMPORTS = {
    "preact": "../preact/preact.js",
    "preact/hooks": "../preact/hooks.js",
    "@preact/signals-core": "../signals-core/signals-core.js",
}

PACKAGES = [
    Package(
        "preact",
        "11.2.0",
        "MIT",
        "preact",
        ("LICENSE",),
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js"},
    ),
    Package("htm", "3.1.1", "Apache-2.0", "htm", ("LICENSE",), {"dist/htm.mjs": "htm.js"}),
    Package(
        "@preact/signals-core",
        "1.14.5",
        "MIT",
        "signals-core",
        ("LICENSE",),
        {"dist/signals-core.mjs": "signals-core.js"},
    ),
    Package(
        "@preact/signals",
        "2.11.4",
        "MIT",
        "signals",
        ("LICENSE",),
        {"dist/signals.mjs": "signals.js"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "uplot",
        ("LICENSE",),
        {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css"},
    ),
    Package(
        "@dagrejs/dagre",
        "3.1.3",
        "MIT",
        "dagre",
        ("LICENSE",),
        {"dist/dagre.esm.js": "dagre.js", "dist/dagre.esm.js.LEGAL.txt": "dagre.js.LEGAL.txt"},
    ),
    Package("ansi_up", "6.0.6", "MIT", "ansi_up", ("LICENSE", "ansi_up.js")),
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
    ),
]

TEST_PACKAGES = [
    Package("axe-core", "4.14.1", "MPL-2.0", "axe", ("LICENSE", "axe.min.js")),
]

FOLDERS = {SHIPPED: PACKAGES, TESTS: TEST_PACKAGES}


def fetch(package: Package, folder_here: Path) -> None:
    """Put the package's files in place."""
    target = folder_here / package.folder
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        spec = f"{package.name}@{package.version}"
        command = ["npm", "pack", "--silent", "--pack-destination", folder, spec]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for name, ours in package.kept.items():
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    raise SystemExit(f"{spec} has no file {name}")
                content = _without_source_map(member.read())
                (target / ours).write_bytes(_by_paths(content) if package.modules else content)


def _without_source_map(content: bytes) -> bytes:
    """Drop the pointer to a source map that we do not ship: browsers would ask for it."""
    lines = content.splitlines(keepends=True)
    kept = b"".join(line for line in lines if b"# sourceMappingURL=" not in line[:40])
    return re.sub(rb"//# sourceMappingURL=\S+\s*\Z", b"\n", kept)


def _by_paths(module: bytes) -> bytes:
    """Have a module import by paths what it imports by packages' names."""

    def path(match: re.Match[bytes]) -> bytes:
        name = match[2].decode()
        return match[1] + b'"' + IMPORTS.get(name, name).encode() + b'"'

    return re.sub(rb'(\b(?:from|import) ?)"([^"]+)"', path, module)


def versions(folder: Path, packages: list[Package]) -> str:
    """Return what VERSIONS says of the files as they are."""
    lines = ["# Made by scripts/vendor.py: package, version, licence, then sha256 and file.", ""]
    for package in packages:
        lines.append(f"{package.name} {package.version} {package.licence}")
        for name in package.kept.values():
            path = folder / package.folder / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {package.folder}/{name}")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="change nothing")
    if arguments.parse_args().check:
        right = [(f / "VERSIONS").read_text() == versions(f, ps) for f, ps in FOLDERS.items()]
        return 0 if all(right) else 1
    for folder, packages in FOLDERS.items():
        for package in packages:
            fetch(package, folder)
        (folder / "VERSIONS").write_text(versions(folder, packages))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The web UI: its page at `/` and its files under `/ui/`, as they are in the package.

Law: each piece of a path is a plain name, so no path leads out of the package (`..`, `%2e%2e`, a
drive), and only files of the kinds in TYPES are served.  Nothing is read before it is asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

from .errors import Problem, Refused, SeedError, seed
from .oapi import AnyOperation, Call, Group, Nothing, Operation
from .reply import NO_SNIFF, Header, Reply

WEB = Path(__file__).parent.parent / "web"

PREFIX = "/ui/"

TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".webmanifest": b"application/manifest+json",
}
"""Only these are served; the packages' licences stay where they are."""

# Icons are data: URLs in the style sheet.  Charts set styles by script, which no policy forbids.
POLICY = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
REFERRER = (b"referrer-policy", b"no-referrer")
# A browser asks each time whether its copy is still the right one: after an upgrade no page may
# be made of old and new files, and here the question costs next to nothing.
CACHE = (b"cache-control", b"no-cache")

DEPTH = 3
"""How many pieces a path under PREFIX has at most: `vendor/preact/preact.js`."""


_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Files:
    """Serves the files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def page(self, call: Call[Nothing, Nothing]) -> Reply:
        return await asyncio.to_thread(self._reply, "index.html", call.header(b"if-none-match"))

    async def file(self, call: Call[Nothing, Nothing]) -> Reply:
        pieces = call.path.values()
        name = "/".join(pieces)
        if not all(_PLAIN.fullmatch(piece) for piece in pieces):
            raise _nothing(name)
        return await asyncio.to_thread(self._reply, name, call.header(b"if-none-match"))

    def _reply(self, name: str, known: str) -> Reply:
        path = self._root / name
        if path.suffix not in TYPES or not path.is_file():
            raise _nothing(name)
        body = path.read_bytes()
        tag = b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
        headers = _headers(path, tag)
        if tag.decode() in [one.strip().removeprefix("W/") for one in known.split(",")]:
            return Reply(304, b"", headers)
        return Reply(200, body, headers)


def _nothing(name: str) -> Refused:
    return Refused(Problem(404, f"there is nothing at {PREFIX}{name[:200]}"))


def _headers(path: Path, tag: bytes) -> tuple[Header, ...]:
    kind = (b"content-type", TYPES[path.suffix])
    return (kind, (b"etag", tag), CACHE, POLICY, REFERRER, NO_SNIFF)


def group(root: Path = WEB) -> Group:
    """Return the operations that serve the UI.  None needs a token: there is nothing in them."""
    files = Files(root)

    def operation(path: str, handler: object) -> AnyOperation:
        return Operation(
            method="GET",
            path=path,
            id="ui",
            summary="",
            handler=handler,  # type: ignore[arg-type]
            returns="text/html",
            public=True,
            hidden=True,
        )

    pieces = [f"{{piece{n}}}" for n in range(DEPTH)]
    paths = [PREFIX + "/".join(pieces[: n + 1]) for n in range(DEPTH)]
    operations = [operation("/", files.page), *(operation(path, files.file) for path in paths)]
    return Group(operations, seed, SeedError)

"""The API's own documentation: /openapi.json, and /docs, which shows it by Swagger UI.

All files come from here; the page loads nothing from another host and runs no inline script.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .errors import SeedError, seed
from .oapi import AnyOperation, Call, Facts, Group, Nothing, Operation
from .reply import NO_SNIFF, Header, Reply, json_reply

VENDOR = Path(__file__).parent.parent / "web" / "vendor" / "swagger-ui"

HTML = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Proctor API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

SCRIPT = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  validatorUrl: null,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

# Swagger UI has its icons as data: URLs in its style sheet; it needs nothing inline.
POLICY = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; "
    b"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
REFERRER = (b"referrer-policy", b"no-referrer")
CACHE = (b"cache-control", b"no-cache")
FILES = {"swagger-ui-bundle.js": b"text/javascript", "swagger-ui.css": b"text/css"}


def _headers(content_type: bytes) -> tuple[Header, ...]:
    return (
        (b"content-type", content_type + b"; charset=utf-8"),
        NO_SNIFF,
        REFERRER,
        POLICY,
        CACHE,
    )


async def _constant(reply: Reply, call: Call[Nothing, Nothing]) -> Reply:
    return reply


async def _file(name: str, content_type: bytes, call: Call[Nothing, Nothing]) -> Reply:
    body = await asyncio.to_thread((VENDOR / name).read_bytes)
    return Reply(200, body, _headers(content_type))


class Described:
    """The document, made when it is first asked for."""

    def __init__(self, groups: Sequence[Group], facts: Facts) -> None:
        self._groups = groups
        self._facts = facts
        self._reply: Reply | None = None

    async def show(self, call: Call[Nothing, Nothing]) -> Reply:
        if self._reply is None:
            from .openapi import document

            self._reply = json_reply(document(self._groups, self._facts))
        return self._reply


def group(groups: Sequence[Group], facts: Facts) -> Group:
    """Return the operations that describe `groups`."""
    described = Described(groups, facts)
    page = Reply(200, HTML, _headers(b"text/html"))
    script = Reply(200, SCRIPT, _headers(b"text/javascript"))

    def operation(path: str, handler: object, returns: str) -> AnyOperation:
        return Operation(
            method="GET",
            path=path,
            id=path,
            summary="",
            handler=handler,  # type: ignore[arg-type]
            returns=returns,
            public=True,
            hidden=True,
        )

    operations = [
        operation("/openapi.json", described.show, "application/json"),
        operation("/docs", partial(_constant, page), "text/html"),
        operation("/docs/start.js", partial(_constant, script), "text/javascript"),
    ]
    for name, kind in FILES.items():
        operations.append(operation(f"/docs/{name}", partial(_file, name, kind), kind.decode()))
    return Group(operations, seed, SeedError)

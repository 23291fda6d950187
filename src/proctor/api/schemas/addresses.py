"""Addresses, URLs and patterns within a request: whether they can be what they should be."""

import re
from urllib.parse import urlsplit

from proctor.core.errors import BadSpec
from proctor.logs.pattern import Pattern


def bad(field: str, wrong: str) -> BadSpec:
    """Return the error for a field; `wrong` goes on after "is not valid: "."""
    return BadSpec(f"`{field}` is not valid: {wrong}", field=field)


_HOST_PORT = r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/\s@]*):([0-9]{1,5})"


def check_address(field: str, address: str, *, path: bool = False) -> None:
    """Raise BadSpec unless it is host:port or, with `path`, an absolute path of a unix socket."""
    if path and address.startswith("/"):
        if len(address.encode()) > 107:
            raise bad(field, "expected a path of at most 107 bytes, which is all a socket can have")
        return
    match = re.fullmatch(_HOST_PORT, address)
    if match is None or not 0 < int(match[2]) < 65536:
        wanted = "host:port or an absolute path" if path else "host:port"
        raise bad(field, f"expected {wanted}, got {address[:100]!r}")


def check_url(field: str, url: str) -> None:
    """Raise BadSpec unless it is an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or " " in url:
        raise bad(field, f"expected an http or https URL, got {url[:100]!r}")


def check_pattern(field: str, pattern: str | None) -> None:
    try:
        Pattern(pattern or "")
    except BadSpec as error:
        raise bad(field, str(error)) from None

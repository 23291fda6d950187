"""Where the service may be, decided from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from .errors import ClientError

DEFAULT_PORT = 8606
LONGEST_SOCKET_PATH = 107  # sun_path, unix(7), without the closing NUL


class Endpoint(Struct, frozen=True):
    """One address: a Unix socket's path, or a host and port; `prefix` comes before every path."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    unix: str | None = None
    tls: bool = False
    prefix: str = ""

    def __str__(self) -> str:
        if self.unix is not None:
            return f"unix:{self.unix}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.prefix}"


DEFAULT = Endpoint()


class Access(Struct, frozen=True):
    """Where to try, in order, and what to show; `given`: somebody named the address."""

    endpoints: tuple[Endpoint, ...]
    token: str | None = None
    given: bool = False


def parse_url(url: str) -> Endpoint:
    """Return the address that `http://host:port`, `https://...` or `unix:/path` names.

    Raises ClientError.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "://" in url or url.startswith("unix:") else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise ClientError(f"{url!r} is not a service's address: {error}") from None
    if parts.scheme == "unix" and parts.path.startswith("/"):
        return Endpoint(unix=parts.path)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"{url!r} is not a service's address (expected http://HOST:PORT or unix:/PATH)"
        raise ClientError(message)
    tls = parts.scheme == "https"
    default = 443 if tls else DEFAULT_PORT
    return Endpoint(parts.hostname, port or default, tls=tls, prefix=parts.path.rstrip("/"))


def discover(
    url: str | None = None,
    token: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Access:
    """Return where the service is to be looked for.  Raises ClientError."""
    token = token or environ.get("PROCTOR_TOKEN") or None
    given = url or environ.get("PROCTOR_URL")
    if given:
        return Access((parse_url(given),), token, given=True)
    return Access((*_default_socket(environ), DEFAULT), token)


def _default_socket(environ: Mapping[str, str]) -> tuple[Endpoint, ...]:
    path = os.path.join(default_state_dir(environ), "proctor.sock")
    return (Endpoint(unix=path),) if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH else ()


def default_state_dir(environ: Mapping[str, str]) -> str:
    """Return where the service keeps its state if it is not told.

    proctor.config decides it, and a test says that this is the same; asking it would take 15 ms of
    the time of every command.
    """
    if given := environ.get("PROCTOR_STATE_DIR"):
        return os.path.abspath(os.path.expanduser(given))
    if os.geteuid() == 0:
        return "/var/lib/proctor"
    base = environ.get("XDG_STATE_HOME", "")
    folder = base if base.startswith("/") else os.path.expanduser("~/.local/state")
    return os.path.join(folder, "proctor")

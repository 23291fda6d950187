"""Who may talk to the service at all.  Everything here is decided before any handler runs.

/proc runs shell commands and takes JSON under any content type, so a browser would let every web
page post to it.  A page of another site gives itself away: by Origin, by Sec-Fetch-Site, or, when
it points its own name at our address (DNS rebinding), by Host.  curl sends none of the first two.
"""

from __future__ import annotations

import re
import socket
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec import Struct

from .errors import Dialect, Problem
from .refuse import send_problem
from .reply import App, Receive, Scope, Send, over_websocket


class Access(Struct, frozen=True, kw_only=True):
    """What is asked of a request.

    `hosts`: names and addresses by which the service is reached, beside the loopback ones.
    `sites`: those of them whose pages are ours on any port: a proxy may serve them.
    `any_address`: it is bound to all addresses, so every address (but no name) is ours: a page
    cannot make a browser send an address as Host that it does not connect to.
    `token`: asked of every request to a path that is not in `public`, nor begins with one of
    `public_under`, if there is one.
    `pages`: what a link on another site may open in a window: there is nothing in them but scripts
    of ours, which ask for everything themselves.
    """

    token: str | None = None
    hosts: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    any_address: bool = False
    public: frozenset[str] = frozenset()
    public_under: tuple[str, ...] = ()
    pages: frozenset[str] = frozenset()


_SITES = frozenset({b"same-origin", b"none"})
_HEADERS = frozenset(
    {
        b"host",
        b"origin",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"sec-fetch-dest",
        b"authorization",
        b"sec-websocket-protocol",
    }
)
_BEARER = ((b"www-authenticate", b'Bearer realm="proctor"'),)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/\s]+)(?::\d{1,5})?")


class Guard:
    """Refuses what `Access` does not allow; passes the rest on."""

    def __init__(self, app: App, access: Access, dialect_of: Callable[[str], Dialect]) -> None:
        self._app = app
        self._public = access.public
        self._public_under = access.public_under
        self._pages = access.pages
        self._dialect_of = dialect_of
        self._token = None if access.token is None else access.token.encode()
        self._sites = frozenset(_plain(host) for host in access.sites)
        hosts = self._sites.union(_plain(host) for host in access.hosts)
        self._is_ours = _host_check(hosts, access.any_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._judge(scope)
        if problem is None:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            send = over_websocket(send)
        await send_problem(problem, self._dialect_of(scope["path"]), receive, send)

    def _judge(self, scope: Scope) -> Problem | None:
        given: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _HEADERS:
                if name in given:
                    return Problem(400, f"the header {name.decode()} is given more than once")
                given[name] = value
        return (
            self._judge_host(scope, given.get(b"host"))
            or self._judge_site(scope, given)
            or self._judge_token(scope, given.get(b"authorization") or _by_protocol(scope, given))
        )

    def _judge_host(self, scope: Scope, host: bytes | None) -> Problem | None:
        server = scope.get("server")
        if server is None or server[1] is None:
            return None  # A unix socket, whose file mode says who may come.
        if host is None:
            missing = scope["http_version"] != "1.0"
            return Problem(400, "the header host is missing") if missing else None
        if self._is_ours(host):
            return None
        shown = host[:100].decode("latin-1")
        return Problem(403, f"the host {shown!r} is not a name of this service")

    def _judge_site(self, scope: Scope, given: dict[bytes, bytes]) -> Problem | None:
        site = given.get(b"sec-fetch-site", b"none")
        if site not in _SITES and not self._opens_page(scope, given):
            return Problem(403, "requests from web pages of other sites are not taken")
        origin = given.get(b"origin")
        if origin is None or self._is_own(origin, given.get(b"host")):
            return None
        shown = origin[:100].decode("latin-1")
        return Problem(403, f"requests from web pages of {shown!r} are not taken")

    def _opens_page(self, scope: Scope, given: dict[bytes, bytes]) -> bool:
        return (
            scope["path"] in self._pages
            and scope.get("method") == "GET"
            and given.get(b"sec-fetch-mode") == b"navigate"
            and given.get(b"sec-fetch-dest") == b"document"
        )

    def _is_own(self, origin: bytes, host: bytes | None) -> bool:
        scheme, found, authority = origin.partition(b"://")
        if not found or scheme not in (b"http", b"https"):
            return False
        if authority == host:
            return True
        match = _AUTHORITY.fullmatch(authority.decode("latin-1"))
        return match is not None and _plain(match[1]) in self._sites

    def _judge_token(self, scope: Scope, authorization: bytes | None) -> Problem | None:
        path = scope["path"]
        if self._token is None or path in self._public or path.startswith(self._public_under):
            return None
        scheme, _, token = (authorization or b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return Problem(401, "a token is needed: Authorization: Bearer ...", headers=_BEARER)
        import hmac  # Brings all of OpenSSL's hashes, which nobody needs without a token.

        if not hmac.compare_digest(token.strip(), self._token):
            return Problem(401, "the token is not the right one", headers=_BEARER)
        return None


def _by_protocol(scope: Scope, given: Mapping[bytes, bytes]) -> bytes | None:
    """Return the authorization that a browser's WebSocket gives, which cannot set that header.

    It offers the protocol `bearer.` with the token in URL-safe base64, as Kubernetes has it.
    """
    if scope["type"] != "websocket":
        return None
    for offered in given.get(b"sec-websocket-protocol", b"").split(b","):
        kind, _, text = offered.strip().partition(b".")
        if kind == b"bearer":
            try:
                return b"Bearer " + urlsafe_b64decode(text + b"=" * (-len(text) % 4))
            except ValueError:
                return None
    return None


def _host_check(hosts: frozenset[str], any_address: bool) -> Callable[[bytes], bool]:
    """Return what says whether a Host header is ours; it keeps the last answers."""

    @lru_cache(maxsize=256)
    def is_ours(header: bytes) -> bool:
        match = _AUTHORITY.fullmatch(header.decode("latin-1"))
        if match is None:
            return False
        host = _plain(match[1])
        if host == "localhost" or host.endswith(".localhost") or host in hosts:
            return True
        address = _address(host)
        return address is not None and (any_address or _is_loopback(address) or address in known)

    known = frozenset(a for a in map(_address, hosts) if a is not None)
    return is_ours


def _plain(host: str) -> str:
    return host.lower().strip("[]").removesuffix(".")


_IPV4 = re.compile(r"[0-9a-fx.]+")  # inet_aton would take anything after a blank.


def _address(host: str) -> bytes | None:
    """Return the packed address, also of the short forms that browsers and curl take ("127.1")."""
    try:
        if ":" in host:
            packed = socket.inet_pton(socket.AF_INET6, host)
            return packed[12:] if packed.startswith(bytes(10) + b"\xff\xff") else packed
        return socket.inet_aton(host) if _IPV4.fullmatch(host) else None
    except OSError:
        return None


def _is_loopback(address: bytes) -> bool:
    return address[0] == 127 if len(address) == 4 else address == bytes(15) + b"\x01"

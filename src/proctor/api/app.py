"""The application: what guards it, /proc, and everything else, which is made when it is asked for.

Making the rest (`groups`) takes longer than all the rest of the start, and who starts the service
to have tasks run needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field

from proctor.manager import Manager
from proctor.metrics.metrics import Metrics

from . import proc
from .accept import Acceptance
from .body import BodyLimits
from .errors import dialect_of
from .guard import Access, Guard
from .oapi import Group
from .ports import Service, SpecCheck
from .reply import App, Receive, Scope, Send
from .router import Router
from .schemas import EXPECTED, SpecLimits

PUBLIC = frozenset({"/", "/docs", "/openapi.json", "/v1/health"})
PUBLIC_UNDER = ("/docs/", "/ui/")
"""What needs no token; a test says that it is what the operations say of themselves."""


class ApiSettings(Struct, frozen=True, kw_only=True):
    """What the API has to know of the configuration.

    `hosts`: names and addresses by which the service is reached, through a proxy as well; loopback
    ones need not be named.  `bound`: those it listens on, where another port is another's.
    `any_address`: bound to all addresses.
    """

    log_root: Path
    token: str | None = None
    hosts: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    any_address: bool = False
    spec: SpecLimits = field(default_factory=SpecLimits)
    body: BodyLimits = field(default_factory=BodyLimits)


def build_app(
    manager: Manager,
    settings: ApiSettings,
    check: SpecCheck,
    service: Service | None = None,
) -> App:
    """Return the ASGI application.  Has to be called in the event loop's thread."""
    service = service or Service()
    accept = Acceptance(check, settings.spec)
    measured = service.metrics or Metrics(
        manager.world,
        manager.history,
        lambda events: manager.dispatch(events),
        lambda: manager.now(),
        keeper_pid=service.keeper_pid,
    )
    seed_group = proc.group(proc.Proc(manager, accept, settings.log_root, service.flush))

    def router(groups: list[Group]) -> Router:
        return Router(
            groups,
            expected=EXPECTED,
            limits=settings.body,
            dialect_of=dialect_of,
            requests=measured.requests,
            on_disk=manager.records.on_disk,
        )

    def rest() -> Router:
        from .groups import all_groups

        parts = Parts(manager, settings, accept, service, measured, seed_group)
        return router(all_groups(parts))

    access = Access(
        token=settings.token,
        hosts=frozenset(settings.bound),
        sites=frozenset(settings.hosts),
        any_address=settings.any_address,
        public=PUBLIC,
        public_under=PUBLIC_UNDER,
        pages=frozenset({"/"}),
    )
    return Guard(Late(router([seed_group]), rest), access, dialect_of)


class Parts(Struct, frozen=True):
    """What the operations are made of."""

    manager: Manager
    settings: ApiSettings
    accept: Acceptance
    service: Service
    measured: Metrics
    seed_group: Group


class Late:
    """Answers what `first` knows, and everything by what `rest` makes once that is asked for."""

    def __init__(self, first: Router, rest: Callable[[], Router]) -> None:
        self._first = first
        self._rest = rest
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        router = self._router
        if router is None:
            router = self._first
            if not router.knows(scope["path"]):
                router = self._router = self._rest()
        await router(scope, receive, send)

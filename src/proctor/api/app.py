"""The whole API on one screen: which groups of operations there are, and what guards them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import proctor

from . import docs, proc
from .body import BodyLimits
from .errors import seed
from .guard import Access, Guard
from .oapi import Facts, Router
from .ports import AccountCheck, ManagerPort
from .reply import App
from .schemas import EXPECTED, SpecLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What the API has to know of the configuration.

    `hosts`: names and addresses by which the service is reached, the bound ones included;
    loopback names and addresses need not be named.  `any_address`: bound to all addresses.
    """

    log_root: Path
    token: str | None = None
    hosts: tuple[str, ...] = ()
    any_address: bool = False
    spec: SpecLimits = field(default_factory=SpecLimits)
    body: BodyLimits = field(default_factory=BodyLimits)


def build_app(manager: ManagerPort, settings: ApiSettings, check_account: AccountCheck) -> App:
    """Return the ASGI application."""
    seed_api = proc.Proc(manager, check_account, settings.spec, settings.log_root)
    groups = [proc.group(seed_api)]
    groups.append(docs.group(tuple(groups), _facts(settings)))
    router = Router(groups, expected=EXPECTED, limits=settings.body, fallback=seed)
    access = Access(
        token=settings.token,
        hosts=frozenset(settings.hosts),
        any_address=settings.any_address,
        public=frozenset(op.path for group in groups for op in group.operations if op.public),
    )
    return Guard(router, access, seed)


def _facts(settings: ApiSettings) -> Facts:
    return Facts(
        version=proctor.__version__,
        token=settings.token is not None,
        bounds={
            name: {"replica": {"maximum": settings.spec.max_replicas}}
            for name in ("TaskRequest", "SeedTaskRequest")
        },
    )

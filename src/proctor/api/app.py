"""The whole API on one screen: which groups of operations there are, and what guards them."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

import proctor
from proctor.manager import Manager
from proctor.metrics.metrics import Metrics
from proctor.operations import Operations

from . import attach, docs, metrics, past, proc, ui, usage, v1
from .accept import Acceptance
from .body import BodyLimits
from .errors import dialect_of
from .events import Events
from .guard import Access, Guard
from .history import Runs
from .logs import Logs
from .oapi import Facts
from .ports import Service, SpecCheck
from .reply import App
from .router import Router
from .schemas import EXPECTED, SpecLimits
from .system import System
from .tasks import Tasks
from .verbs import Verbs


class ApiSettings(Struct, frozen=True, kw_only=True):
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
    figures = metrics.MetricsApi(manager, measured, settings.log_root)
    operations = Operations(manager.world, manager.history.listen)
    groups = [
        proc.group(proc.Proc(manager, accept, settings.log_root)),
        v1.tasks(Tasks(manager, accept, measured.counters.restarts.__getitem__)),
        v1.verbs(Verbs(manager, operations, settings.spec), operations),
        v1.history(Runs(manager)),
        v1.streams(Logs(manager, settings.log_root, service.subscribe), Events(manager)),
        attach.group(manager.world, service.console),
        v1.schedules(manager, service),
        v1.system(System(manager, service)),
        metrics.group(figures),
        metrics.scraping(figures),
        usage.group(measured.sampler),
        past.group(past.Past(manager)),
    ]
    groups.append(docs.group(tuple(groups), _facts(settings)))
    groups.append(ui.group())
    router = Router(
        groups,
        expected=EXPECTED,
        limits=settings.body,
        dialect_of=dialect_of,
        requests=measured.requests,
    )
    access = Access(
        token=settings.token,
        hosts=frozenset(settings.hosts),
        any_address=settings.any_address,
        public=frozenset(op.path for group in groups for op in group.operations if op.public),
        public_under=(ui.PREFIX,),
    )
    return Guard(router, access, dialect_of)


def _facts(settings: ApiSettings) -> Facts:
    return Facts(
        version=proctor.__version__,
        token=settings.token is not None,
        bounds={
            name: {"replica": {"maximum": settings.spec.max_replicas}}
            for name in ("TaskRequest", "SeedTaskRequest")
        },
    )

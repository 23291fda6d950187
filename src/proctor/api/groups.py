"""The whole API on one screen: which groups of operations there are."""

from __future__ import annotations

import proctor
from proctor.operations import Operations

from . import agenda, attach, docs, logpages, metrics, past, schedule, system, ui, usage, v1
from .app import ApiSettings, Parts
from .events import Events
from .history import Runs
from .logs import Logs
from .oapi import Facts, Group
from .tasks import Tasks
from .verbs import Verbs


def all_groups(parts: Parts) -> list[Group]:
    """Return all there is.  Has to be called in the event loop's thread."""
    manager, settings, service = parts.manager, parts.settings, parts.service
    measured, log_root = parts.measured, settings.log_root
    operations = Operations(manager.world, manager.history.listen)
    figures = metrics.MetricsApi(manager, measured, log_root)
    groups = [
        parts.seed_group,
        v1.tasks(
            Tasks(
                manager,
                parts.accept,
                measured.counters.restarts.__getitem__,
                parts.service.controllers,
            )
        ),
        v1.verbs(Verbs(manager, operations, settings.spec), operations),
        v1.history(Runs(manager)),
        v1.streams(Logs(manager, log_root, service), Events(manager)),
        attach.group(manager.world, service.console),
        schedule.group(manager, service.timezone),
        agenda.group(manager, service.timezone),
        system.group(system.System(manager, service)),
        metrics.group(figures),
        metrics.scraping(figures),
        usage.group(measured.sampler),
        past.group(past.Past(manager)),
        logpages.group(logpages.LogPages(manager, log_root, service)),
    ]
    groups.append(docs.group(tuple(groups), _facts(settings)))
    groups.append(ui.group())
    return groups


def _facts(settings: ApiSettings) -> Facts:
    return Facts(
        version=proctor.__version__,
        token=settings.token is not None,
        bounds={
            name: {"replica": {"maximum": settings.spec.max_replicas}}
            for name in ("TaskRequest", "SeedTaskRequest", "NamedTaskRequest")
        },
    )

"""The figures as Prometheus families.  Imports prometheus_client: load it when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import proctor
from proctor.core.hosts import is_internal
from proctor.core.model import Replica, ReplicaId, State
from proctor.core.world import World

from .histogram import Histogram
from .metrics import Metrics
from .usage import Usage

REPLICA = ("task", "replica")


class Families(Collector):
    """A collector of families that were made before, in the event loop's thread."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def text(families: Families, accept: str) -> tuple[bytes, str]:
    """Return the text in the format that the client accepts, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def families(world: World, metrics: Metrics, log_bytes: Mapping[ReplicaId, int]) -> Families:
    replicas = [r for r in world.replicas.values() if not is_internal(r.id.task)]
    return Families(
        [
            InfoMetricFamily("proctor", "The service.", {"version": proctor.__version__}),
            *_states(replicas, metrics),
            *_usages(replicas, metrics),
            *_logs(replicas, metrics, log_bytes),
            *_histograms(metrics),
            *_api(metrics),
        ]
    )


def _labels(id: ReplicaId) -> tuple[str, str]:
    return id.task, str(id.index)


def _gauge(
    name: str, text: str, replicas: Iterable[Replica], value: Callable[[Replica], float | None]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=REPLICA)
    for r in replicas:
        if (number := value(r)) is not None:
            family.add_metric(_labels(r.id), number)
    return family


def _counter(
    name: str, text: str, replicas: Iterable[Replica], value: Callable[[Replica], float]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=REPLICA)
    for r in replicas:
        family.add_metric(_labels(r.id), value(r))
    return family


def _states(replicas: list[Replica], metrics: Metrics) -> Iterator[Metric]:
    restarts = metrics.counters.restarts
    yield _gauge("proctor_up", "Its process runs.", replicas, lambda r: r.state is State.UP)
    yield _gauge("proctor_ready", "It does its work.", replicas, lambda r: r.ready)
    yield _gauge("proctor_failed", "Given up.", replicas, lambda r: r.state is State.FAILED)
    yield _counter("proctor_restarts", "Runs begun again.", replicas, lambda r: restarts[r.id])


def _usages(replicas: list[Replica], metrics: Metrics) -> Iterator[Metric]:
    def gauge(name: str, text: str, of: Callable[[Usage], float | None]) -> Metric:
        def value(r: Replica) -> float | None:
            usage = metrics.sampler.usage(r.id)
            return None if usage is None else of(usage)

        return _gauge(name, text, replicas, value)

    yield _counter(
        "proctor_cpu_seconds",
        "CPU time of its process tree, over all its runs.",
        replicas,
        lambda r: metrics.cpu_seconds(r.id),
    )
    yield gauge("proctor_rss_bytes", "Resident memory of its tree.", lambda u: u.rss)
    yield gauge("proctor_processes", "Processes of its tree.", lambda u: len(u.pids))
    yield gauge("proctor_threads", "Threads of its tree.", lambda u: u.threads)
    yield gauge("proctor_open_fds", "Descriptors its tree has open.", lambda u: u.fds)


def _logs(
    replicas: list[Replica], metrics: Metrics, sizes: Mapping[ReplicaId, int]
) -> Iterator[Metric]:
    yield _gauge("proctor_log_bytes", "Output on the disk.", replicas, lambda r: sizes.get(r.id, 0))
    yield _counter(
        "proctor_log_lost_bytes",
        "Output that could not be written.",
        replicas,
        lambda r: metrics.lost(r.id),
    )


def _histograms(metrics: Metrics) -> Iterator[Metric]:
    tasks = metrics.counters.tasks
    yield _histogram(
        "proctor_run_duration_seconds",
        "How long runs took that ended.",
        "task",
        {name: counts.durations for name, counts in tasks.items()},
    )
    yield _histogram(
        "proctor_schedule_lag_seconds",
        "From the moment that a schedule named to the start of the run.",
        "task",
        {name: counts.lags for name, counts in tasks.items() if counts.lags.count},
    )


def _histogram(name: str, text: str, label: str, values: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=(label,))
    for key, histogram in values.items():
        family.add_metric((key,), histogram.buckets(), histogram.sum)
    return family


def _api(metrics: Metrics) -> Iterator[Metric]:
    requests, sampler = metrics.requests, metrics.sampler
    yield _histogram(
        "proctor_http_request_duration_seconds",
        "Until an answer was made; with `wait`, that is part of it.",
        "operation",
        {name: histogram for name, histogram in requests.answered.items() if histogram.count},
    )
    refused = CounterMetricFamily(
        "proctor_http_problems", "Errors told.", labels=("operation", "status")
    )
    for (operation, status), count in requests.problems.items():
        refused.add_metric((operation, str(status)), count)
    yield refused
    yield CounterMetricFamily("proctor_sweeps", "Looks at all processes.", value=sampler.sweeps)
    yield CounterMetricFamily(
        "proctor_sweep_cpu_seconds", "CPU time they took.", value=sampler.cpu_seconds
    )

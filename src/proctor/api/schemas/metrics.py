"""What /v1 answers about the use of resources.  Times are unix seconds, sizes bytes."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .selection import Query

Cpu = Annotated[
    float | None,
    Meta(description="CPUs in use: 0.5 is half of one; null: not known yet.", examples=[0.25]),
]
Rss = Annotated[
    int, Meta(description="Resident bytes; a page that processes share counts for each.")
]
Pss = Annotated[
    int | None,
    Meta(description="Bytes with shared pages divided; null: not asked for, or not allowed."),
]
Fds = Annotated[int | None, Meta(description="Open descriptors; null: it may not be looked at.")]


class MetricsQuery(Query, frozen=True):
    task: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="Only this task."),
    ] = None
    pss: Annotated[bool, Meta(description="1: with PSS, which takes milliseconds a process.")] = (
        False
    )


class SeriesQuery(Query, frozen=True):
    range: Annotated[
        Literal["10m", "24h"], Meta(description="10m in steps of 2 s, 24h in steps of a minute.")
    ] = "10m"


class ReplicaUsage(Struct, frozen=True):
    """What a replica's whole process tree uses."""

    alias: Annotated[str, Meta(examples=["web:0"])]
    run: int
    pid: int | None
    processes: int
    cpu: Cpu
    cpu_seconds: Annotated[float, Meta(description="Of the current run.")]
    rss: Rss
    pss: Pss
    threads: int
    fds: Fds


class TaskUsage(Struct, frozen=True):
    """What all replicas of a task use together; `replicas` are those that run."""

    name: str
    processes: int
    cpu: Cpu
    cpu_seconds: float
    rss: Rss
    pss: Pss
    threads: int
    fds: Fds
    replicas: list[ReplicaUsage]


class MetricsResponse(Struct, frozen=True):
    at: float
    tasks: list[TaskUsage]


class SeriesPoint(Struct, frozen=True):
    """One step, which begins at `at`: the mean of `cpu`, the most of the others."""

    at: float
    cpu: float
    rss: int
    threads: int
    fds: int


class ReplicaSeries(Struct, frozen=True):
    alias: Annotated[str, Meta(examples=["web:0"])]
    points: list[SeriesPoint]


class SeriesResponse(Struct, frozen=True):
    """Steps in which nobody asked for figures are not there."""

    range: Annotated[str, Meta(examples=["10m"])]
    step: Annotated[float, Meta(description="Seconds.", examples=[2])]
    replicas: list[ReplicaSeries]

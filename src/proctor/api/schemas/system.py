"""What /v1 answers about schedules, the graph and the service itself.  Times are unix seconds."""

from typing import Annotated

from msgspec import Meta, Struct

from .selection import Query
from .values import CronText, ZoneName

Number = Annotated[int, Meta(ge=1, le=1000, description="How many fires.")]
From = Annotated[
    Annotated[str, Meta(max_length=64)] | None,
    Meta(description="Fires later than this: unix seconds or RFC 3339; or now."),
]


class FireEntry(Struct, frozen=True):
    """A moment at which a schedule fires."""

    at: Annotated[float, Meta(description="Unix seconds.", examples=[1893456000])]
    utc: Annotated[str, Meta(examples=["2030-01-01T00:00:00+00:00"])]
    local: Annotated[
        str, Meta(description="In the schedule's zone.", examples=["2030-01-01T01:00:00+01:00"])
    ]


class ScheduleResponse(Struct, frozen=True):
    """The next fires, without the jitter."""

    cron: Annotated[str | None, Meta(examples=["0 4 * * *"])]
    timezone: Annotated[str, Meta(examples=["Europe/Berlin"])]
    fires: list[FireEntry]


class PreviewResponse(ScheduleResponse, frozen=True, kw_only=True):
    """The next fires of an expression."""

    words: Annotated[
        str, Meta(description="The expression in words.", examples=["at 04:00 every day"])
    ]


class PreviewQuery(Query, frozen=True, rename={"from_": "from"}):
    cron: Annotated[CronText, Meta(description="The expression.", examples=["0 4 * * *"])]
    tz: Annotated[ZoneName | None, Meta(description="The IANA zone; or the service's.")] = None
    from_: From = None
    n: Number = 5


class FiresQuery(Query, frozen=True, rename={"from_": "from"}):
    from_: From = None
    n: Number = 5


class NodeEntry(Struct, frozen=True):
    name: str
    type: str
    namespace: str
    state: str


class EdgeEntry(Struct, frozen=True):
    """`task` waits for `needs`."""

    task: str
    needs: str
    until: Annotated[str, Meta(examples=["ready"])]
    required: bool
    why: Annotated[str | None, Meta(description="Why it is not satisfied; null: it is.")]


class ChainEntry(Struct, frozen=True):
    """A link of the chain that made the last start take so long, the last task first."""

    task: str
    waited: Annotated[float, Meta(description="Seconds from the request to its start.")]
    took: Annotated[float, Meta(description="Seconds from its start until it was up, or ended.")]
    at: Annotated[float, Meta(description="When it was up, or ended.")]


class GraphResponse(Struct, frozen=True):
    nodes: list[NodeEntry]
    edges: list[EdgeEntry]
    critical_chain: list[ChainEntry]


class HealthResponse(Struct, frozen=True):
    """Whether the service does its work."""

    status: Annotated[str, Meta(description="`ok`, `stopping` or `cannot save`.", examples=["ok"])]
    tasks: int


class InfoResponse(Struct, frozen=True):
    """About the service."""

    version: str
    pid: Annotated[int, Meta(description="Of the manager, which answers.")]
    keeper_pid: Annotated[int, Meta(description="Of the keeper, the parent of all that runs.")]
    generation: Annotated[int, Meta(description="The number of managers this keeper has had.")]
    started: Annotated[float, Meta(description="When this manager started.")]
    uptime: float
    limits: Annotated[
        str,
        Meta(description="How limits are enforced.", examples=["cgroup memory cpu pids", "none"]),
    ]
    controllers: Annotated[
        dict[str, str],
        Meta(
            description="By what memory, cpu and pids are limited: `cgroup` (the kernel enforces "
            "it), `watched` (a replica over it is restarted) or `none`.",
            examples=[{"memory": "cgroup", "cpu": "cgroup", "pids": "cgroup"}],
        ),
    ]
    tasks: int
    replicas: int
    alive: int
    ready: int
    failed: Annotated[int, Meta(description="Replicas that were given up.")]


class DoneResponse(Struct, frozen=True):
    """It was taken, and is being done."""

    status: Annotated[str, Meta(examples=["reloading"])]

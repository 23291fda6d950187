"""What /v1 answers about tasks.  Times are unix seconds."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from proctor.core.spec import TaskType
from proctor.core.statement import TaskState

from .selection import Query
from .task import TaskRequest
from .values import AbsolutePath, Name

Limited = Annotated[int, Meta(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[
    str, Meta(max_length=1000, description="`next` of the page before: where to go on.")
]


class ExitEntry(Struct, frozen=True, omit_defaults=True):
    """How a run ended."""

    text: Annotated[str, Meta(description="In words.", examples=["exited 1"])]
    code: int | None = None
    signal: Annotated[int | None, Meta(description="The signal's number.")] = None
    cpu: Annotated[float, Meta(description="Seconds of CPU time.")] = 0.0
    max_rss: Annotated[int, Meta(description="Bytes of memory at the most.")] = 0


class CheckEntry(Struct, frozen=True):
    """What a check has said of a replica."""

    name: Annotated[str, Meta(description="`startup`, `readiness` or `liveness`.")]
    passing: Annotated[bool | None, Meta(description="null: it has not made up its mind.")]
    successes: Annotated[int, Meta(description="In a row, up to now.")]
    failures: Annotated[int, Meta(description="In a row, up to now.")]
    text: Annotated[str, Meta(description="The last answer.", examples=["HTTP 200"])]
    at: Annotated[float | None, Meta(description="When it came; null: none has.")]


class ReplicaEntry(Struct, frozen=True):
    """A replica of a task."""

    alias: Annotated[str, Meta(examples=["web:0"])]
    index: int
    state: Annotated[str, Meta(examples=["up"])]
    ready: bool
    wanted: Annotated[bool, Meta(description="Whether it should run.")]
    pid: int | None
    run: Annotated[int | None, Meta(description="The id of its current or last run.")]
    since: Annotated[float, Meta(description="When its state began.")]
    started: Annotated[float | None, Meta(description="When its run began.")]
    uptime: Annotated[float | None, Meta(description="Seconds that its run lasts so far.")]
    ready_since: Annotated[float | None, Meta(description="When it became ready, while it is.")]
    restarts: Annotated[int, Meta(description="Restarts in a row.")]
    reason: Annotated[str, Meta(description="Why it is in this state.")]
    next_restart: Annotated[float | None, Meta(description="When it is started again.")]
    last_exit: ExitEntry | None
    checks: Annotated[list[CheckEntry], Meta(description="What its checks say of this run.")]


class TaskSummary(Struct, frozen=True):
    """A task in a list."""

    name: str
    type: str
    namespace: str
    labels: dict[str, str]
    deps: Annotated[list[str], Meta(description="The tasks that it depends on.")]
    state: Annotated[str, Meta(description="What it is doing.", examples=["running"])]
    reason: Annotated[str, Meta(description="Why, in words.")]
    cmd: Annotated[str, Meta(description="The command as one would type it.")]
    enabled: bool
    replicas: Annotated[int, Meta(description="How many it has.")]
    alive: Annotated[int, Meta(description="How many of them live.")]
    ready: Annotated[int, Meta(description="How many of them are ready.")]
    pids: list[int]
    restarts: Annotated[int, Meta(description="The most restarts in a row of a replica.")]
    restarts_total: Annotated[
        int, Meta(description="Restarts of all its replicas since the service started.")
    ]
    started: Annotated[float | None, Meta(description="When its oldest live run began.")]
    next_fire: Annotated[float | None, Meta(description="When its schedule fires next.")]
    last_exit: ExitEntry | None


class TaskList(Struct, frozen=True):
    tasks: list[TaskSummary]
    total: Annotated[int, Meta(description="How many there are on all pages.")]
    next: Annotated[str | None, Meta(description="The cursor of the next page.")]


class FieldEntry(Struct, frozen=True):
    """A field whose value is another; the values are JSON."""

    field: str
    before: str
    after: str


class SourceEntry(Struct, frozen=True):
    """The file that a task was applied from."""

    file: Annotated[str, Meta(description="Its path.", examples=["/srv/shop/proctor.toml"])]
    applied_at: Annotated[float, Meta(description="When it was last applied.")]
    changes: Annotated[
        list[FieldEntry], Meta(description="What is different by now from what it said then.")
    ]


class TaskDetails(Struct, frozen=True):
    """All about a task."""

    name: str
    state: Annotated[str, Meta(description="What it is doing.", examples=["waiting"])]
    reason: Annotated[str, Meta(description="Why, in words.", examples=["db is not ready"])]
    blockers: Annotated[list[str], Meta(description="What it waits for, the nearest first.")]
    start_time: Annotated[float, Meta(description="When it was last asked to start.")]
    last_time: Annotated[float | None, Meta(description="When a replica last began a run.")]
    next_fire: float | None
    queued: Annotated[int, Meta(description="Fires that wait for the runs before.")]
    skipped: Annotated[int, Meta(description="Fires that were dropped.")]
    replicas: list[ReplicaEntry]
    dependents: Annotated[list[str], Meta(description="The tasks that depend on it.")]
    spec: TaskRequest
    warnings: Annotated[
        list[str], Meta(description="What of the spec does not hold here, and why.")
    ] = []
    source: Annotated[
        SourceEntry | None, Meta(description="The file it came from; null: it came from none.")
    ] = None


class ReplicaList(Struct, frozen=True):
    replicas: list[ReplicaEntry]


class ChangeEntry(FieldEntry, frozen=True):
    """A field whose value becomes another."""

    restarts: Annotated[bool, Meta(description="Whether what runs has to be restarted for it.")]


class PutResponse(Struct, frozen=True):
    """What became of a task, or would with `dry_run`."""

    result: Annotated[
        Literal["created", "updated", "unchanged"], Meta(description="What was done.")
    ]
    changes: list[ChangeEntry]
    restarts: Annotated[list[str], Meta(description="The replicas that are restarted for it.")]
    stops: Annotated[list[str], Meta(description="The running replicas that are stopped for it.")]
    task: TaskDetails | None = None


def _some_of(choices: type[StrEnum]) -> str:
    """Return the pattern of values with commas between."""
    one = f"({'|'.join(choices)})"
    return rf"^{one}(,{one})*$(?!\n)"


class ListQuery(Query, frozen=True):
    names: Annotated[
        Annotated[str, Meta(max_length=20_000)] | None,
        Meta(description="Only tasks of these names: `web,db`; those that are not there are not."),
    ] = None
    name: Annotated[
        Annotated[str, Meta(max_length=200)] | None, Meta(description="Only names that fit a glob.")
    ] = None
    namespace: Annotated[Name | None, Meta(description="Only tasks in this namespace.")] = None
    label: Annotated[
        Annotated[str, Meta(max_length=1000)] | None,
        Meta(description="Only tasks with these labels: `a=b,c` (c: any value)."),
    ] = None
    state: Annotated[
        Annotated[str, Meta(max_length=200, pattern=_some_of(TaskState))] | None,
        Meta(description="Only tasks in these states: `failed,backoff`"),
    ] = None
    type: Annotated[
        Annotated[str, Meta(max_length=100, pattern=_some_of(TaskType))] | None,
        Meta(description="Only these types: `once,cron`"),
    ] = None
    sort: Annotated[
        Literal["name", "-name", "state", "-state", "started", "-started", "restarts", "-restarts"],
        Meta(description="By what to sort; `-`: backwards."),
    ] = "name"
    limit: Limited = 1000
    cursor: Cursor | None = None


class PutQuery(Query, frozen=True):
    dry_run: Annotated[bool, Meta(description="1: say what would be done, and do nothing.")] = False
    roll: Annotated[
        bool, Meta(description="1: restart a few replicas at a time, if any have to be.")
    ] = False


class ReplaceQuery(PutQuery, frozen=True):
    source: Annotated[
        AbsolutePath | None,
        Meta(
            description="The file that says so: the task remembers it, and what it said.",
            examples=["/srv/shop/proctor.toml"],
        ),
    ] = None


class RunEntry(Struct, frozen=True):
    """One life of a replica."""

    run: Annotated[int, Meta(description="Its id.")]
    alias: Annotated[str, Meta(examples=["web:0"])]
    trigger: Annotated[str, Meta(description="What began it.", examples=["cron"])]
    attempt: Annotated[int, Meta(description="Its number among the runs in a row.")]
    pid: int | None
    started: float
    ended: float | None
    duration: Annotated[float | None, Meta(description="Seconds; null while it goes on.")]
    ok: Annotated[bool | None, Meta(description="Whether it ended well.")]
    exit: ExitEntry | None


class RunList(Struct, frozen=True):
    runs: list[RunEntry]
    next: Annotated[int | None, Meta(description="`before` of the next page.")]


class RunsQuery(Query, frozen=True):
    replica: Annotated[
        Annotated[int, Meta(ge=0, le=10**9)] | None, Meta(description="Only of this replica.")
    ] = None
    limit: Limited = 100
    before: Annotated[
        Annotated[int, Meta(ge=1, le=2**62)] | None,
        Meta(description="Only runs with lower ids: `next` of the page before."),
    ] = None

"""What the service answers, as values.  Times are unix seconds, durations seconds, sizes bytes.

The API's own structs say what each field means.  These are laxer: fields that a newer service adds
are passed over, and those that an older one lacks are None or empty, so that a client and a service
of different age understand each other.
"""

from typing import Any

from msgspec import Struct, field


class Exit(Struct, frozen=True):
    """How a run ended: `text` in words; at most one of `code` and `signal`."""

    text: str = ""
    code: int | None = None
    signal: int | None = None
    cpu: float = 0.0
    max_rss: int = 0


class Check(Struct, frozen=True):
    """What a check has said of a replica; `passing` is None until it has made up its mind."""

    name: str
    passing: bool | None = None
    successes: int = 0
    failures: int = 0
    text: str = ""
    at: float | None = None


class Replica(Struct, frozen=True):
    """One slot of a task; `alias` is what selects it, "web:0"."""

    alias: str
    state: str
    index: int = 0
    ready: bool = False
    wanted: bool = False
    pid: int | None = None
    run: int | None = None
    since: float = 0.0
    started: float | None = None
    uptime: float | None = None
    ready_since: float | None = None
    restarts: int = 0
    reason: str = ""
    next_restart: float | None = None
    last_exit: Exit | None = None
    checks: list[Check] = field(default_factory=list)


class TaskSummary(Struct, frozen=True):
    """A task in a list: what it is doing (`state`) and why (`reason`)."""

    name: str
    type: str
    state: str
    namespace: str = "default"
    labels: dict[str, str] = field(default_factory=dict)
    deps: list[str] = field(default_factory=list)
    reason: str = ""
    cmd: str = ""
    enabled: bool = True
    replicas: int = 1
    alive: int = 0
    ready: int = 0
    pids: list[int] = field(default_factory=list)
    restarts: int = 0
    restarts_total: int = 0
    started: float | None = None
    next_fire: float | None = None
    last_exit: Exit | None = None


class TaskList(Struct, frozen=True):
    """A page of tasks; `next` is where the next one begins."""

    tasks: list[TaskSummary]
    total: int = 0
    next: str | None = None


class Change(Struct, frozen=True):
    """A field that is different; `restarts`: what runs has to be restarted for it."""

    field: str
    before: str = ""
    after: str = ""
    restarts: bool = False


class Source(Struct, frozen=True):
    """The file a task was applied from; `changes`: what is different by now from what it said."""

    file: str
    applied_at: float = 0.0
    changes: list[Change] = field(default_factory=list)


class Task(Struct, frozen=True):
    """All about a task; `spec` has the fields that it was made with."""

    name: str
    state: str
    reason: str = ""
    blockers: list[str] = field(default_factory=list)
    start_time: float | None = None
    last_time: float | None = None
    next_fire: float | None = None
    queued: int = 0
    skipped: int = 0
    replicas: list[Replica] = field(default_factory=list)
    dependents: list[str] = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    source: Source | None = None


class PutResult(Struct, frozen=True):
    """What was done, or would be: "created", "updated" or "unchanged".

    `restarts` are the replicas that are restarted for it, `stops` those that run and are stopped.
    """

    result: str
    changes: list[Change] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    task: Task | None = None


class Target(Struct, frozen=True):
    """What has come of a replica: `state` is "pending", "done" or "failed"."""

    alias: str
    state: str
    reason: str = ""


class Operation(Struct, frozen=True):
    """Something asked for: `state` is "running", "done" or "failed"."""

    id: str
    verb: str
    state: str
    began: float = 0.0
    ended: float | None = None
    targets: list[Target] = field(default_factory=list)
    reason: str = ""


class Run(Struct, frozen=True):
    """One life of a replica; `ended`, `duration`, `ok` and `exit` are None while it goes on."""

    run: int
    alias: str
    trigger: str = ""
    attempt: int = 1
    pid: int | None = None
    started: float = 0.0
    ended: float | None = None
    duration: float | None = None
    ok: bool | None = None
    exit: Exit | None = None


class RunList(Struct, frozen=True):
    runs: list[Run]
    next: int | None = None


class Fire(Struct, frozen=True):
    """A moment at which a schedule fires; `local` is in the schedule's zone."""

    at: float
    utc: str = ""
    local: str = ""


class Fires(Struct, frozen=True):
    fires: list[Fire]
    cron: str | None = None
    timezone: str = ""


class Event(Struct, frozen=True):
    """Something that happened: `kind` is "replica.up", "task.created" ..."""

    id: int
    at: float
    kind: str
    task: str = ""
    replica: int | None = None
    run: int | None = None
    pid: int | None = None
    reason: str = ""
    actor: str = ""


class LogLine(Struct, frozen=True):
    """A line that a replica wrote, or, with `marker`, the begin or the end of a run."""

    time: float
    task: str
    replica: int
    text: str = ""
    run: int | None = None
    stream: str = "out"
    marker: str = ""


class Info(Struct, frozen=True):
    """The service itself; `limits` says how it bounds what tasks use."""

    version: str = ""
    pid: int = 0
    keeper_pid: int = 0
    generation: int = 0
    started: float = 0.0
    uptime: float = 0.0
    limits: str = ""
    controllers: dict[str, str] = {}
    tasks: int = 0
    replicas: int = 0
    alive: int = 0
    ready: int = 0
    failed: int = 0


class Health(Struct, frozen=True):
    """`status` is "ok", or says what is wrong."""

    status: str
    tasks: int = 0


class ReplicaUsage(Struct, frozen=True):
    """What a replica's whole process tree uses; `cpu` in CPUs, None while it is not known."""

    alias: str
    run: int = 0
    pid: int | None = None
    processes: int = 0
    cpu: float | None = None
    cpu_seconds: float = 0.0
    rss: int = 0
    pss: int | None = None
    threads: int = 0
    fds: int | None = None


class TaskUsage(Struct, frozen=True):
    """What all replicas of a task use together."""

    name: str
    processes: int = 0
    cpu: float | None = None
    cpu_seconds: float = 0.0
    rss: int = 0
    pss: int | None = None
    threads: int = 0
    fds: int | None = None
    replicas: list[ReplicaUsage] = field(default_factory=list)


class Usage(Struct, frozen=True):
    at: float
    tasks: list[TaskUsage]


class Node(Struct, frozen=True):
    name: str
    state: str = ""
    type: str = ""
    namespace: str = ""


class Edge(Struct, frozen=True):
    """`task` waits for `needs`; `why`: why it is not satisfied, None if it is."""

    task: str
    needs: str
    until: str = ""
    required: bool = True
    why: str | None = None


class ChainLink(Struct, frozen=True):
    """A link of what made the last start take so long."""

    task: str
    waited: float = 0.0
    took: float = 0.0
    at: float = 0.0


class Graph(Struct, frozen=True):
    nodes: list[Node]
    edges: list[Edge]
    critical_chain: list[ChainLink] = field(default_factory=list)


class Sent(Struct, frozen=True):
    """What was written to whose standard input; `closed`: that is at its end now."""

    alias: str
    run: int
    written: int
    closed: bool = False


class Done(Struct, frozen=True):
    """It was taken, and is being done."""

    status: str = ""

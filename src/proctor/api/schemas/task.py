"""A task at the wire, as POST /proc, /v1/tasks and the file take it: every field, described."""

from typing import Annotated

from msgspec import Meta, Struct, field

from proctor.core.spec import CatchUp, Overlap, RestartWhen

from .parts import (
    BlackoutRequest,
    CheckRequest,
    DependencyRequest,
    LimitsRequest,
    OutputRequest,
    RestartRequest,
    SocketRequest,
    WatchRequest,
)
from .values import (
    NO_NUL,
    AbsolutePath,
    Account,
    Count,
    CronText,
    LabelName,
    LabelValue,
    Limit,
    LimitName,
    Name,
    Seconds,
    ShellCommand,
    ShellCommandOrList,
    SignalName,
    SignalNameOrList,
    SomeSeconds,
    Text,
    Umask,
    Variable,
    WireType,
    Word,
    ZoneName,
)

Replicas = Annotated[int, Meta(ge=1, description="How many processes.", examples=[2])]


class TaskRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A task: what runs, as whom, when, and how it ends. All times are seconds."""

    name: Annotated[Name, Meta(description="What it is called.", examples=["web"])]
    type: Annotated[
        WireType,
        Meta(
            description="`once`: runs once; `daemon`: is kept running; `cron`: runs by a schedule; "
            "`melang`, `python`: a script's coroutine. `coroutine` is another name of `melang`.",
            examples=["daemon"],
        ),
    ]
    cmd: Annotated[
        ShellCommandOrList | Annotated[list[Word], Meta(min_length=1, max_length=4096)],
        Meta(
            description="A command for /bin/sh, or a list of words that is run as it is; for "
            "scripts the script's path.",
            examples=["exec ./server --port 8080", ["/usr/bin/server", "--port", "8080"]],
        ),
    ]
    replica: Replicas = 1
    description: Annotated[Text, Meta(description="For people.", examples=["The shop"])] = ""
    namespace: Annotated[
        Name, Meta(description="A group that tasks are selected by.", examples=["shop"])
    ] = "default"
    labels: Annotated[
        dict[LabelName, LabelValue],
        Meta(description="Names and values to select by.", examples=[{"tier": "front"}]),
    ] = {}
    enabled: Annotated[
        bool, Meta(description="false: it neither starts by itself nor by its schedule.")
    ] = True
    # Whom it runs as, and in what surroundings.
    user: Annotated[
        Account | None, Meta(description="A user's name or number.", examples=["www-data"])
    ] = None
    group: Annotated[
        Account | None, Meta(description="A group's name or number.", examples=["www-data"])
    ] = None
    groups: Annotated[
        Annotated[list[Account], Meta(max_length=1024)] | None,
        Meta(description="Supplementary groups; default: the user's.", examples=[["adm"]]),
    ] = None
    env: Annotated[
        dict[Variable, Annotated[str, Meta(pattern=NO_NUL)]],
        Meta(description="Environment variables.", examples=[{"PORT": "8080"}]),
    ] = {}
    env_files: Annotated[
        list[AbsolutePath],
        Meta(
            max_length=100,
            description="Files of NAME=value lines, read at each start, which fails if one makes "
            "no sense; `env` has precedence.",
            examples=[["/etc/shop/env"]],
        ),
    ] = []
    inherit_env: Annotated[
        bool | Annotated[list[Variable], Meta(max_length=1000)],
        Meta(
            description="The service's variables that it gets: all, none, or those named.",
            examples=[["PATH", "LANG"]],
        ),
    ] = True
    secret_env: Annotated[
        list[Variable],
        Meta(
            max_length=1000,
            description="Variables whose values are never shown.",
            examples=[["DB_URL"]],
        ),
    ] = []
    cwd: Annotated[
        AbsolutePath | None, Meta(description="Its working directory.", examples=["/srv/shop"])
    ] = None
    umask: Annotated[
        Umask | None, Meta(description="Octal digits as text, or a number.", examples=["022"])
    ] = None
    nice: Annotated[
        Annotated[int, Meta(ge=-20, le=19)] | None,
        Meta(description="Its priority; 19 is the nicest to others.", examples=[10]),
    ] = None
    oom_score_adj: Annotated[
        Annotated[int, Meta(ge=-1000, le=1000)] | None,
        Meta(description="1000: the first to be killed for memory.", examples=[500]),
    ] = None
    rlimits: Annotated[
        dict[LimitName, Limit],
        Meta(
            description="Resource limits by name: a number, null (unlimited) or [soft, hard].",
            examples=[{"nofile": 4096, "core": [0, None]}],
        ),
    ] = {}
    limits: Annotated[
        LimitsRequest | None,
        Meta(description="Bounds on memory, CPU and processes.", examples=[{"memory_max": "1G"}]),
    ] = None
    stdin: Annotated[
        str,
        Meta(
            max_length=4095,
            pattern=r"^(null|pipe|/[^\x00]*)$(?!\n)",
            description="`null`: empty; `pipe`: what is sent to it; or a file's path.",
            examples=["null"],
        ),
    ] = "null"
    tty: Annotated[bool, Meta(description="Give it a terminal, to attach to.")] = False
    isolate: Annotated[bool, Meta(description="A script host of its own (scripts only).")] = False
    interpreter: Annotated[
        AbsolutePath | None,
        Meta(description="The Python that runs it (python only).", examples=["/usr/bin/python3"]),
    ] = None
    sockets: Annotated[
        list[SocketRequest],
        Meta(
            max_length=100,
            description="Sockets that outlive its restarts.",
            examples=[[{"name": "http", "address": "127.0.0.1:8080"}]],
        ),
    ] = []
    output: Annotated[
        OutputRequest | None,
        Meta(description="What is kept of its output.", examples=[{"quota": "100M"}]),
    ] = None
    # When it runs.
    deps: Annotated[
        list[Name | DependencyRequest],
        Meta(
            max_length=1000,
            description="What it waits for: tasks' names, or objects with a condition.",
            examples=[["db", {"task": "cache", "until": "ready"}]],
        ),
    ] = []
    cron: Annotated[
        CronText | None,
        Meta(
            description="When it runs, as in crontab(5); a sixth field in front is seconds. "
            "Default with type cron: every minute.",
            examples=["30 4 * * *"],
        ),
    ] = None
    timezone: Annotated[
        ZoneName | None,
        Meta(description="The IANA time zone of `cron`.", examples=["Europe/Berlin"]),
    ] = None
    at: Annotated[
        Annotated[float, Meta(ge=0, le=253_402_300_799)]
        | Annotated[str, Meta(min_length=2, max_length=64, pattern=NO_NUL)]
        | None,
        Meta(
            description="Run once, then: unix seconds, RFC 3339, or from now: `+30s`, `+5m`, `+2h`,"
            " `+1d`.",
            examples=["2030-01-01T00:00:00Z"],
        ),
    ] = None
    overlap: Annotated[
        Overlap, Meta(description="What a fire does while a run goes on.", examples=["queue"])
    ] = Overlap.SKIP
    queue: Annotated[Count, Meta(description="The most fires that wait, with overlap `queue`.")] = 1
    catch_up: Annotated[
        CatchUp,
        Meta(description="What becomes of fires missed while the service did not run."),
    ] = CatchUp.NONE
    schedule_jitter: Annotated[
        Seconds, Meta(description="Seconds by which a fire is put off at most.", examples=[30])
    ] = 0.0
    blackouts: Annotated[
        list[BlackoutRequest],
        Meta(
            max_length=100,
            description="When the schedule does not fire.",
            examples=[[{"cron": "0 22 * * *", "seconds": 28800}]],
        ),
    ] = []
    interval: Annotated[
        Seconds, Meta(description="Seconds between an exit and the next start.", examples=[3])
    ] = 3.0
    restart: Annotated[
        RestartWhen | RestartRequest | None,
        Meta(
            description="When it is started again: `always`, `on-failure`, `never`, or an object. "
            "Default: `always` for a daemon, else `never`.",
            examples=["on-failure", {"factor": 2, "cap": 60, "limit": 6}],
        ),
    ] = None
    timeout: Annotated[
        SomeSeconds | None,
        Meta(description="Seconds after which a run is ended.", examples=[3600]),
    ] = None
    pool: Annotated[
        Name | None,
        Meta(description="A pool whose slots bound how much runs at a time.", examples=["batch"]),
    ] = None
    priority: Annotated[
        int, Meta(ge=-1_000_000, le=1_000_000, description="Who gets a pool's slot first: higher.")
    ] = 0
    success_codes: Annotated[
        Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(min_length=1, max_length=256)]
        | None,
        Meta(description="Exit codes that are no failure; default: 0.", examples=[[0, 3]]),
    ] = None
    essential: Annotated[
        bool, Meta(description="When it has failed for good, the service ends.")
    ] = False
    watch: Annotated[
        WatchRequest | None,
        Meta(description="Files whose change restarts it.", examples=[{"paths": ["/srv/shop"]}]),
    ] = None
    # Whether it is well, and how it ends.
    readiness: Annotated[
        CheckRequest | None,
        Meta(
            description="Whether it does its work.",
            examples=[{"http": "http://127.0.0.1:8080/", "period": 2}],
        ),
    ] = None
    liveness: Annotated[
        CheckRequest | None,
        Meta(
            description="When this fails, it is restarted.",
            examples=[{"tcp": "127.0.0.1:8080"}],
        ),
    ] = None
    startup: Annotated[
        CheckRequest | None,
        Meta(
            description="Asked before the others, for what boots slowly.",
            examples=[{"file": "/run/shop.booted", "failures": 60, "period": 1}],
        ),
    ] = None
    stop_signal: Annotated[
        SignalNameOrList | Annotated[list[SignalName], Meta(min_length=1, max_length=10)],
        Meta(
            description="The signal that ends it, or several, each given `stop_timeout`.",
            examples=["TERM", ["INT", "TERM"]],
        ),
    ] = "TERM"
    stop_timeout: Annotated[
        Seconds, Meta(description="Seconds from a stop signal to the next, at last SIGKILL.")
    ] = 10.0
    stop_command: Annotated[
        ShellCommand | None,
        Meta(
            description="Run before the signals. It knows the process by PROCTOR_PID; that it"
            " failed is an event.",
            examples=["./server --drain"],
        ),
    ] = None
    rolling: Annotated[
        Count,
        Meta(
            description="How many replicas a rolling restart takes at a time. It is given up at the"
            " first that ends, or is not ready a minute after its checks should have said so."
        ),
    ] = 1


class SeedTaskRequest(TaskRequest, frozen=True, kw_only=True):
    """A task to be started: `replica` has to be given here, everything else is as in /v1."""

    replica: Replicas


class NamedTaskRequest(TaskRequest, frozen=True, kw_only=True):
    """A task to be as the body says: its name is in the path, and here or not."""

    name: Annotated[Name, Meta(description="As in the path.", examples=["web"])] = field(
        default_factory=str
    )

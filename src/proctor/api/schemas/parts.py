"""The parts of a task that are objects of their own at the wire."""

from typing import Annotated

from msgspec import Meta, Struct

from proctor.core.spec import RestartWhen, Until

from .values import (
    AbsolutePath,
    Count,
    CronText,
    FilePattern,
    Name,
    Pattern,
    Seconds,
    ShellCommand,
    Size,
    SomeSeconds,
    Text,
)


class Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all of them have in common."""


class DependencyRequest(Part, frozen=True):
    """Another task to wait for, and what it has to have reached."""

    task: Annotated[Name, Meta(description="The other task's name.", examples=["db"])]
    until: Annotated[
        Until,
        Meta(
            description="What it has to have reached. `settled`: a daemon is ready, any other "
            "task is not running and not about to; `started`: it runs, or ran; `ready`: it is up "
            "and its readiness check says so; `completed`: its last run is over; `completed_ok`: "
            "... with success; `log_line`: a line of its output has matched `pattern`.",
            examples=["ready"],
        ),
    ] = Until.SETTLED
    pattern: Annotated[
        Pattern | None,
        Meta(description="A regular expression; with `log_line` only.", examples=["listening on"]),
    ] = None
    required: Annotated[
        bool, Meta(description="false: not waited for once it can no longer come.")
    ] = True


class RestartRequest(Part, frozen=True):
    """When a run that ended unasked is repeated, and after what pause.

    The pause before the n-th restart in a row is `interval * factor ** (n - 1)`, at most `cap`.
    """

    when: Annotated[
        RestartWhen | None,
        Meta(description="Default: `always` for a daemon, else `on-failure`."),
    ] = None
    factor: Annotated[
        float,
        Meta(ge=1, le=100, description="By what the pause grows each time.", examples=[2]),
    ] = 1.0
    cap: Annotated[Seconds, Meta(description="The longest pause, in seconds.")] = 300.0
    jitter: Annotated[
        float,
        Meta(ge=0, le=1, description="The share by which a pause is varied.", examples=[0.1]),
    ] = 0.0
    stable_after: Annotated[
        Seconds, Meta(description="A run of so many seconds makes the earlier ones forgotten.")
    ] = 10.0
    limit: Annotated[
        Count | None,
        Meta(description="The most starts within `window`; one more: it has failed.", examples=[6]),
    ] = None
    window: Annotated[SomeSeconds, Meta(description="Seconds for which starts count.")] = 60.0
    retries: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)] | None,
        Meta(description="The most restarts in a row.", examples=[3]),
    ] = None


class CheckRequest(Part, frozen=True):
    """How to find out whether a replica is well: exactly one way, and when to ask."""

    exec: Annotated[
        ShellCommand | None,
        Meta(
            description="A shell command, run as the task is; exit 0 is success.",
            examples=["pg_isready -q"],
        ),
    ] = None
    http: Annotated[
        Text | None,
        Meta(
            description="A URL; a status from 200 to 399 is success.",
            examples=["http://127.0.0.1:8080/healthz"],
        ),
    ] = None
    tcp: Annotated[
        Text | None,
        Meta(description="host:port; a connection is success.", examples=["127.0.0.1:5432"]),
    ] = None
    log_line: Annotated[
        Pattern | None,
        Meta(
            description="A regular expression; a line of the run's output that matches is success.",
            examples=["ready to accept connections"],
        ),
    ] = None
    notify: Annotated[
        bool | None,
        Meta(description="true: the task says so itself, by sd_notify(3)."),
    ] = None
    file: Annotated[
        AbsolutePath | None,
        Meta(description="A path; that it exists is success.", examples=["/run/app.ready"]),
    ] = None
    period: Annotated[SomeSeconds, Meta(description="Seconds from one question to the next.")] = (
        10.0
    )
    timeout: Annotated[SomeSeconds, Meta(description="Seconds until no answer is a failure.")] = 1.0
    successes: Annotated[Count, Meta(description="How many in a row are needed.")] = 1
    failures: Annotated[Count, Meta(description="How many in a row are a verdict.")] = 3
    delay: Annotated[Seconds, Meta(description="Seconds from the start to the first.")] = 0.0


class LimitsRequest(Part, frozen=True):
    """Bounds on what a replica uses. The kernel enforces them where a cgroup can be made.

    Sizes are bytes, or text with a unit of 1024: "64M".
    """

    memory_max: Annotated[
        Size | None,
        Meta(description="Memory above which it is killed.", examples=["512M"]),
    ] = None
    memory_high: Annotated[
        Size | None,
        Meta(description="Memory above which it is slowed down.", examples=["400M"]),
    ] = None
    cpu: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)] | None,
        Meta(description="CPUs; 0.5 is half of one.", examples=[0.5]),
    ] = None
    pids: Annotated[
        Count | None,
        Meta(description="How many processes and threads it may have.", examples=[100]),
    ] = None
    memory_restart: Annotated[
        Size | None,
        Meta(description="Memory above which it is restarted.", examples=["1G"]),
    ] = None


class OutputRequest(Part, frozen=True):
    """What is kept of its output. Sizes are bytes, or text with a unit: "64M"."""

    segment_size: Annotated[
        Size | None, Meta(description="Size at which a new file is begun.", examples=["16M"])
    ] = None
    quota: Annotated[
        Size | None,
        Meta(description="The most that a replica's output may take.", examples=["100M"]),
    ] = None
    max_age: Annotated[
        SomeSeconds | None, Meta(description="Seconds that output is kept.", examples=[604800])
    ] = None
    segment_age: Annotated[
        SomeSeconds | None,
        Meta(description="Seconds after which a new file is begun.", examples=[86400]),
    ] = None
    compress: Annotated[
        bool | None, Meta(description="Whether files are compressed when a new one is begun.")
    ] = None
    separate: Annotated[bool, Meta(description="Whether errors are told from output.")] = False
    keep: Annotated[bool, Meta(description="false: nothing is kept.")] = True


class WatchRequest(Part, frozen=True):
    """Files whose change restarts the task."""

    paths: Annotated[
        list[AbsolutePath],
        Meta(min_length=1, max_length=100, description="Files and folders.", examples=[["/srv"]]),
    ]
    include: Annotated[
        list[FilePattern],
        Meta(max_length=100, description="Globs; only such files.", examples=[["*.py"]]),
    ] = []
    exclude: Annotated[
        list[FilePattern],
        Meta(max_length=100, description="Globs; such files never.", examples=[["*.tmp"]]),
    ] = []
    debounce: Annotated[
        Seconds, Meta(description="Seconds of silence that end a burst of changes.")
    ] = 0.5
    cascade: Annotated[bool, Meta(description="Restart what depends on it, too.")] = False


class SocketRequest(Part, frozen=True):
    """A socket on which the service listens for the task, passed to it as LISTEN_FDS."""

    name: Annotated[Name, Meta(description="Its name in LISTEN_FDNAMES.", examples=["http"])]
    address: Annotated[Text, Meta(description="host:port, or a path.", examples=["127.0.0.1:8080"])]
    activate: Annotated[
        bool, Meta(description="Start the task when the first connection comes.")
    ] = False


class BlackoutRequest(Part, frozen=True):
    """A span of time in which the schedule does not fire."""

    cron: Annotated[CronText, Meta(description="When it begins.", examples=["0 22 * * *"])]
    seconds: Annotated[SomeSeconds, Meta(description="How long it lasts.", examples=[28800])]

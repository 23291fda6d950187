"""The wire of logs and events: what is asked, and one line or event."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .values import NO_NUL

Selector = Annotated[
    str,
    Meta(
        max_length=10_000,
        pattern=NO_NUL,
        description="Names, `web:0` or globs, separated by commas; all tasks if empty.",
    ),
]

Namespaces = Annotated[
    str,
    Meta(max_length=2000, pattern=NO_NUL, description="Only of tasks in these: `shop,web`."),
]
Labels = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=NO_NUL,
        description="Only of tasks with these labels: `a=b,c` (c: any value).",
    ),
]


class LogsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines."""

    task: Selector = ""
    namespace: Namespaces = ""
    label: Labels = ""
    since: Annotated[float, Meta(ge=0, description="Unix seconds.")] | None = None
    until: Annotated[float, Meta(ge=0, description="Unix seconds.")] | None = None
    grep: Annotated[str, Meta(max_length=1000, description="A regular expression.")] | None = None
    run: Annotated[int, Meta(ge=1, description="Only lines of this run.")] | None = None
    level: Annotated[str, Meta(max_length=16, description="Of JSON lines, this and above.")] = ""
    stream: Annotated[
        Literal["out", "err"] | None,
        Meta(description="Only output, or errors, of tasks with `output.separate`."),
    ] = None
    tail: Annotated[int, Meta(ge=0, le=10_000_000, description="Only the last lines.")] | None = (
        None
    )
    follow: Annotated[bool, Meta(description="Go on with what is written from now on.")] = False
    all: Annotated[
        bool,
        Meta(description="Also what earlier tasks of the same names wrote, as with `since`."),
    ] = False
    after: Annotated[
        str,
        Meta(
            max_length=60_000,
            pattern=NO_NUL,
            description="The id of the last server-sent event seen: go on behind it.",
        ),
    ] = ""


class LogEntry(Struct, frozen=True, omit_defaults=True):
    """A line that a replica wrote, or, with `marker`, the begin or the end of a run."""

    time: float
    task: str
    replica: int
    text: str = ""
    run: int | None = None
    stream: str = "out"
    marker: str = ""


class RawQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which bytes of a replica's output; offsets never change."""

    start: Annotated[int, Meta(ge=0, description="The offset of the first byte.")] | None = None
    stop: Annotated[int, Meta(ge=0, description="The offset behind the last byte.")] | None = None


class EventsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    task: Selector = ""
    after: Annotated[int, Meta(ge=0, description="The id of the last event seen.")] | None = None
    internal: Annotated[bool, Meta(description="Of the service's own tasks, too.")] = False
    limit: Annotated[int, Meta(ge=1, le=10_000, description="End after so many.")] | None = None


class EventEntry(Struct, frozen=True, omit_defaults=True):
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

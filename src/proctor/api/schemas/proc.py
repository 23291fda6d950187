"""What /proc answers, and its queries."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType


class Ok(Struct, frozen=True):
    """Done."""

    code: int = 200
    msg: str = "OK"


class RunningEntry(Struct, frozen=True):
    """A live replica."""

    command: str
    pid: int
    alias: Annotated[str, Meta(description="The replica, `task1:0`.")]


class TaskEntry(Struct, frozen=True):
    """A task, with the page's keys in the page's order; times are unix seconds."""

    name: str
    cmd: str
    type: str
    replica: int
    user: str | None
    deps: list[str]
    interval: int | float
    last_time: Annotated[int | None, Meta(description="When it was last started.")]
    run_flag: Annotated[
        bool, Meta(description="It waits to be started: for dependencies or its schedule.")
    ]
    start_time: Annotated[int | None, Meta(description="When its start was last asked for.")]
    running: Annotated[int, Meta(description="How many of its replicas live.")]
    group: str | None
    cron: str | UnsetType = UNSET


class ProcListing(Struct, frozen=True):
    running: list[RunningEntry]
    tasks: dict[str, TaskEntry]


class ProcResponse(Struct, frozen=True, kw_only=True):
    """All tasks, and all processes that run."""

    code: int = 200
    msg: str = "OK"
    data: ProcListing


class OutputResponse(Struct, frozen=True, kw_only=True):
    """What each replica wrote, base64, by alias."""

    code: int = 200
    msg: str = "OK"
    data: dict[str, Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]]


class NameQuery(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, description="The task's name.")]


class RemoveQuery(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, description="The task's name.")]
    wait: Annotated[
        bool, Meta(description="Answer when nothing of the task is left alive; 0: at once.")
    ] = True

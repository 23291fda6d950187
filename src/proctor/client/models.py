"""What the service answers, as values.  Times are wall seconds, durations seconds, sizes bytes.

Fields that a newer service adds are passed over, and those that an older one lacks are None or
empty, so that a client and a service of different age understand each other.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Exit(Struct, frozen=True):
    """How a run ended: `code` or `signal`, or `error` if it is not known or never began."""

    code: int | None = None
    signal: int | None = None
    error: str | None = None


class Replica(Struct, frozen=True):
    """One process slot; `alias` is what selects it, "web:0"."""

    alias: str
    state: str
    wanted: bool = False
    ready: bool = False
    reason: str = ""
    pid: int | None = None
    run: int | None = None
    since: float | None = None
    started: float | None = None
    restarts: int = 0
    exit: Exit | None = None
    cpu: float | None = None
    rss: int | None = None


class Task(Struct, frozen=True):
    """A task, what it is doing and why: `state` sums up its replicas, `reason` says more."""

    name: str
    type: str
    state: str
    reason: str = ""
    namespace: str = "default"
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""
    enabled: bool = True
    replica: int = 1
    running: int = 0
    ready: int = 0
    restarts: int = 0
    started: float | None = None
    next_fire: float | None = None
    replicas: list[Replica] = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=dict)


class TaskPage(Struct, frozen=True):
    """Tasks, and how many there are in all."""

    items: list[Task]
    total: int = 0


class Change(Struct, frozen=True):
    """One field that is different; `restarts`: what runs has to be restarted for it."""

    field: str
    before: Any = None
    after: Any = None
    restarts: bool = False


class PutResult(Struct, frozen=True):
    """What PUT did, or would do: "created", "updated" or "unchanged"."""

    result: str
    changes: list[Change] = field(default_factory=list)
    restarts: bool = False


class Outcome(Struct, frozen=True):
    """What became of one replica or task of an operation."""

    id: str
    reached: bool = False
    state: str = ""
    reason: str = ""


class Operation(Struct, frozen=True):
    """Something asked for: `state` is "running", "done" or "failed"."""

    id: str
    state: str
    verb: str = ""
    reason: str = ""
    targets: list[Outcome] = field(default_factory=list)


class Run(Struct, frozen=True):
    """One life of a replica; `ended` and `exit` are None while it goes on."""

    run: int
    replica: str
    trigger: str = ""
    started: float = 0.0
    ended: float | None = None
    exit: Exit | None = None
    pid: int | None = None
    attempt: int = 1


class RunPage(Struct, frozen=True):
    items: list[Run]
    total: int = 0


class Fire(Struct, frozen=True):
    """A moment at which a schedule fires; `local` is the time in its zone."""

    at: float
    task: str = ""
    local: str = ""
    zone: str = ""


class FirePage(Struct, frozen=True):
    items: list[Fire]


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
    """The service itself."""

    version: str = ""
    pid: int | None = None
    state_dir: str = ""
    started: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)

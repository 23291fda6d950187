"""What a verb acts on, and how its operation is asked for."""

from typing import Annotated

from msgspec import Meta, Struct

from .values import LabelName, LabelValue, Name, SignalName

MAX_WAIT = 3600.0

Selector = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9_.\-*?\[\]!]+(:([0-9]{1,9}|\*))?$(?!\n)",
        description="A task's name, a glob over names, or a replica: `web`, `web*`, `web:0`.",
        examples=["web", "web:0", "worker-*"],
    ),
]
WaitFor = Annotated[
    float,
    Meta(
        ge=0,
        le=MAX_WAIT,
        description="Seconds to wait for the result; without it, or when they are over, the "
        "answer is 202 and an operation to ask for later.",
        examples=[10],
    ),
]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """What all queries have in common."""


class SelectionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which tasks: those named, or all; of them those in the namespaces, with the labels."""

    tasks: Annotated[
        list[Selector],
        Meta(max_length=1000, description="Names, globs, replicas.", examples=[["web", "w*"]]),
    ] = []
    namespaces: Annotated[
        list[Name], Meta(max_length=100, description="Only tasks in these.", examples=[["shop"]])
    ] = []
    labels: Annotated[
        dict[LabelName, LabelValue],
        Meta(description="Only tasks with all of these.", examples=[{"tier": "front"}]),
    ] = {}


class WaitQuery(Query, frozen=True):
    wait: WaitFor = 0.0


class StartQuery(Query, frozen=True):
    wait: WaitFor = 0.0
    deps: Annotated[bool, Meta(description="1: start what it depends on, too.")] = False


class RestartQuery(Query, frozen=True):
    wait: WaitFor = 0.0
    roll: Annotated[
        bool, Meta(description="1: a few replicas at a time, each when those before are ready.")
    ] = False


class SignalQuery(Query, frozen=True):
    signal: Annotated[SignalName, Meta(description="The signal's name.", examples=["HUP"])]
    wait: WaitFor = 0.0


class ScaleQuery(Query, frozen=True):
    replica: Annotated[int, Meta(ge=0, le=10**9, description="How many replicas.", examples=[4])]
    wait: WaitFor = 0.0


class TargetEntry(Struct, frozen=True, omit_defaults=True):
    """What has come of a replica."""

    alias: Annotated[str, Meta(description="The replica, `web:0`.", examples=["web:0"])]
    state: Annotated[str, Meta(description="`pending`, `done` or `failed`.", examples=["done"])]
    reason: Annotated[str, Meta(description="What it came to.", examples=["up"])] = ""


class OperationResponse(Struct, frozen=True):
    """What was asked for, and what has come of it; times are unix seconds."""

    id: Annotated[str, Meta(description="Its id, to ask for it later.")]
    verb: Annotated[str, Meta(examples=["start"])]
    state: Annotated[str, Meta(description="`running`, `done` or `failed`.", examples=["done"])]
    began: float
    ended: float | None
    targets: list[TargetEntry]
    reason: Annotated[str, Meta(description="Why it failed, in words.")] = ""

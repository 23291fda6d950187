"""The wire of the past: which events are asked for, and a page of them."""

from typing import Annotated

from msgspec import Meta, Struct

from .streams import EventEntry
from .values import NO_NUL

Glob = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL, description="A glob.")]


class HistoryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events of the past."""

    task: Annotated[Glob, Meta(description="Only of tasks of such a name: `web`, `web*`.")] = "*"
    kind: Annotated[
        Glob, Meta(description="Only of these kinds: `task.*`, `replica.up,replica.backoff`.")
    ] = "*"
    actor: Annotated[
        Glob,
        Meta(
            description="Only what such a one is behind: `* via proctor*`; `!policy,schedule`: "
            "all others."
        ),
    ] = "*"
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most.")] = 100
    before: Annotated[
        Annotated[int, Meta(ge=1, le=2**62)] | None,
        Meta(description="Only events with lower ids: `next` of the page before."),
    ] = None


class EventList(Struct, frozen=True):
    """Events, the newest first."""

    events: list[EventEntry]
    next: Annotated[int | None, Meta(description="`before` of the next page.")]

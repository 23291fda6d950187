"""The wire of the stream of metrics: short, because it comes every two seconds for every task."""

from typing import Annotated

from msgspec import Meta, Struct

from .selection import Query


class UsageQuery(Query, frozen=True):
    """Whose use."""

    task: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="Only this task, and each of its replicas."),
    ] = None
    history: Annotated[
        int, Meta(ge=0, le=300, description="How many steps of the past to begin with.")
    ] = 0


class UsageStep(Struct, frozen=True, omit_defaults=True):
    """What was in use at `at` (unix seconds): (CPUs, resident bytes) by task, and by replica."""

    at: float
    tasks: dict[str, tuple[float, int]]
    replicas: dict[str, tuple[float, int]] = {}

"""The wire of pages of logs: where one begins, which way it goes, and what is in it."""

from typing import Annotated

from msgspec import Meta, Struct

from .streams import Labels, LogEntry, Namespaces, Selector
from .values import NO_NUL


class LogPageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines, and the place to begin from: `at`, `time` or `share`; without one the end."""

    task: Selector = ""
    namespace: Namespaces = ""
    label: Labels = ""
    at: Annotated[
        str,
        Meta(
            max_length=60_000,
            pattern=NO_NUL,
            description="`before` or `after` of another page, or the id of a followed line.",
        ),
    ] = ""
    time: (
        Annotated[float, Meta(ge=0, description="Unix seconds: before what came then or later.")]
        | None
    ) = None
    share: (
        Annotated[
            float,
            Meta(ge=0, le=1, description="Where this share of all bytes is before: 0, the begin."),
        ]
        | None
    ) = None
    back: Annotated[bool, Meta(description="The lines before the place, not those behind.")] = False
    limit: Annotated[int, Meta(ge=1, le=5000, description="How many lines at most.")] = 500
    grep: Annotated[str, Meta(max_length=1000, description="A regular expression.")] | None = None
    run: Annotated[int, Meta(ge=1, description="Only lines of this run.")] | None = None
    level: Annotated[str, Meta(max_length=16, description="Of JSON lines, this and above.")] = ""
    all: Annotated[bool, Meta(description="Also what earlier tasks of the same names wrote.")] = (
        False
    )


class LogPage(Struct, frozen=True):
    """Some lines, the oldest first.

    What is searched for one page is bounded: one with few lines, or none, need not be the last.
    """

    lines: list[LogEntry]
    before: Annotated[str, Meta(description="The place before the first line.")]
    after: Annotated[
        str, Meta(description="The place behind the last line; also `after` of /v1/logs.")
    ]
    bytes: Annotated[int, Meta(description="How much of the logs the page covers.")]
    bytes_before: Annotated[int, Meta(description="How much of the logs is before the page.")]
    bytes_after: Annotated[int, Meta(description="How much is behind it.")]
    first: Annotated[bool, Meta(description="Whether nothing is before it.")]
    last: Annotated[bool, Meta(description="Whether nothing is behind it, for now.")]

"""What goes to and from processes directly: input, terminals, commands beside them."""

from typing import Annotated

from msgspec import Meta, Struct

from .selection import Query
from .values import Word

Size = Annotated[int, Meta(ge=1, le=1000)]
Window = tuple[Size, Size]


class InputQuery(Query, frozen=True):
    replica: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)] | None,
        Meta(description="Which replica, where there are several."),
    ] = None
    wait: Annotated[
        float,
        Meta(ge=0, le=300, description="Seconds to wait for the process to take all of it."),
    ] = 5.0
    eof: Annotated[bool, Meta(description="Close its input then: it sees the end of it.")] = False


class InputResponse(Struct, frozen=True):
    """What was sent, and to whom."""

    alias: Annotated[str, Meta(examples=["web:0"])]
    run: Annotated[int, Meta(description="The run that has it.")]
    written: Annotated[int, Meta(description="Bytes.", examples=[6])]
    closed: Annotated[bool, Meta(description="Whether its input is at its end now.")]


class AttachQuery(Query, frozen=True):
    replica: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)] | None,
        Meta(description="Which replica, where there are several."),
    ] = None


class ExecRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The first message to /exec: what to run; `size`, [rows, columns], asks for a terminal."""

    cmd: Annotated[list[Word], Meta(min_length=1, max_length=4096)]
    size: Window | None = None


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """A text message of the client: its window is another one, or its input is at its end."""

    size: Window | None = None
    eof: bool = False


class EndNotice(Struct, frozen=True):
    """The last message of /exec: how the command has ended, as `exit` of a run."""

    code: int | None
    signal: int | None
    error: str | None

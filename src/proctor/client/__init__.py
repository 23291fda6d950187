"""A client of the service, for programs.

    from proctor.client import Client

    with Client() as proctor:
        proctor.start("web")
        for task in proctor.tasks():
            print(task.name, task.state)

`Client` waits where it is called; `AsyncClient` has the same methods to be awaited.  Both find the
service as the command line does: PROCTOR_URL and PROCTOR_TOKEN, else the Unix socket in the
default state directory, else 127.0.0.1:8606.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    ApiError,
    ClientError,
    NothingSelected,
    NotReachable,
    OperationFailed,
    Unfinished,
)

if TYPE_CHECKING:
    from .aio import AsyncClient
    from .sync import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "ClientError",
    "NotReachable",
    "NothingSelected",
    "OperationFailed",
    "Unfinished",
]


def __getattr__(name: str) -> Any:
    """Import on first use: who wants the one client need not pay for the other."""
    if name == "Client":
        from .sync import Client

        return Client
    if name == "AsyncClient":
        from .aio import AsyncClient

        return AsyncClient
    raise AttributeError(name)

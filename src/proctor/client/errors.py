"""What can go wrong between a client and the service."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """Anything that the client raises."""


class NotReachable(ClientError):
    """Nothing answers, or not as the service would; the message says what to do about it."""


class ApiError(ClientError):
    """The service refuses, in the form of RFC 9457: `status` is HTTP's, `problem` the whole answer.

    `code` is the kind of problem, the last part of its type ("unknown_task"); `field` the field of
    the request that is wrong, if it is one.
    """

    def __init__(self, status: int, problem: dict[str, Any], text: str = "") -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("type", "")).rpartition(":")[2]
        self.field: str | None = problem.get("field")
        detail = problem.get("detail") or problem.get("msg") or problem.get("title") or text
        super().__init__(str(detail) or f"HTTP status {status}")


class NothingSelected(ClientError):
    """No task has the namespace and the labels."""


class Unfinished(ClientError):
    """What was asked for has not been reached in the time given; it goes on."""

    def __init__(self, message: str, operation: Any = None) -> None:
        self.operation = operation
        super().__init__(message)


class OperationFailed(ClientError):
    """What was asked for cannot be reached; the message has a line for each replica that failed."""

    def __init__(self, message: str, operation: Any = None) -> None:
        self.operation = operation
        super().__init__(message)

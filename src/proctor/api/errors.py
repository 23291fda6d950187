"""What goes wrong, as responses: one table from error codes to statuses.

`Problem` is what is the matter; a dialect turns it into a response.  `seed` is the dialect of
/proc and of everything that belongs to no API: {"code": 400, "msg": "...", "field": "name"}.
`problem_details` is that of /v1: RFC 9457's.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from msgspec import Struct

from proctor.core.errors import ProctorError

from .reply import NO_SNIFF, NO_STORE, Header, Reply, json_reply

STATUS = {
    "bad_spec": 400,
    "bad_schedule": 400,
    "unknown_task": 404,
    "unknown_run": 404,
    "unknown_operation": 404,
    "busy": 409,
    "cannot_listen": 409,
    "no_input": 409,
    "task_exists": 409,
    "dependency_cycle": 422,
    "unknown_account": 422,
    "bad_script": 422,
    "hidden_value": 422,
    "not_supported": 501,
    "shutting_down": 503,
    "storage_failed": 507,
}


class Problem(Struct, frozen=True):
    """Why a request is not done.

    `code` is the error's, if it is one of the core's.  `close`: the connection cannot be used for
    another request.  `written`: of what was sent, so many bytes have been passed on.
    """

    status: int
    message: str
    field: str | None = None
    code: str = ""
    headers: tuple[Header, ...] = ()
    close: bool = False
    written: int | None = None


class Refused(Exception):
    """A request that is refused before any of the core sees it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


Dialect = Callable[[Problem], Reply]

INTERNAL = Problem(500, "internal error: the service's log has the details")


def problem_of(error: ProctorError) -> Problem:
    return Problem(STATUS.get(error.code, 500), str(error), error.field, error.code)


class SeedError(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error: `code` is the HTTP status, `msg` says what is wrong, `field` where, if known."""

    code: int
    msg: str
    field: str | None = None


def seed(problem: Problem) -> Reply:
    body = SeedError(problem.status, problem.message, problem.field)
    return json_reply(body, problem.status, problem.headers)


PROBLEM_JSON = (b"content-type", b"application/problem+json")


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error, as RFC 9457 has it: `title` names its kind, `detail` says what is wrong here.

    `type` is urn:proctor:error: and a code that programs can go by.  `field` is the path of the
    field at fault, if one is.  `written`: of what was sent, so many bytes have been passed on.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    written: int | None = None


def problem_details(problem: Problem) -> Reply:
    title = HTTPStatus(problem.status).phrase
    code = problem.code or title.lower().replace(" ", "_")
    body = ProblemDetails(
        f"urn:proctor:error:{code}",
        title,
        problem.status,
        problem.message,
        problem.field,
        problem.written,
    )
    headers = (PROBLEM_JSON, NO_STORE, NO_SNIFF, *problem.headers)
    return Reply(problem.status, msgspec.json.encode(body), headers)


def dialect_of(path: str) -> Dialect:
    """Return the dialect in which errors of a path are told that no operation has."""
    return problem_details if path.startswith("/v1") else seed

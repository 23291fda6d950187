"""What goes wrong, as responses: one table from error codes to statuses.

`Problem` is what is the matter; a dialect turns it into a response.  `seed` is the dialect of
/proc and of everything that belongs to no API: {"code": 400, "msg": "...", "field": "name"}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from proctor.core.errors import ProctorError

from .reply import Header, Reply, json_reply

STATUS = {
    "bad_spec": 400,
    "bad_schedule": 400,
    "unknown_task": 404,
    "task_exists": 409,
    "dependency_cycle": 422,
    "unknown_account": 422,
    "bad_script": 422,
    "not_supported": 501,
    "shutting_down": 503,
    "storage_failed": 507,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request is not done.  `close`: the connection cannot be used for another one."""

    status: int
    message: str
    field: str | None = None
    headers: tuple[Header, ...] = ()
    close: bool = False


class Refused(Exception):
    """A request that is refused before any of the core sees it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


Dialect = Callable[[Problem], Reply]

INTERNAL = Problem(500, "internal error: the service's log has the details")


def problem_of(error: ProctorError) -> Problem:
    return Problem(STATUS.get(error.code, 500), str(error), error.field)


class SeedError(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error: `code` is the HTTP status, `msg` says what is wrong, `field` where, if known."""

    code: int
    msg: str
    field: str | None = None


def seed(problem: Problem) -> Reply:
    body = SeedError(problem.status, problem.message, problem.field)
    return json_reply(body, problem.status, problem.headers)

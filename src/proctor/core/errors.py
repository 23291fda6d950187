"""What a caller can do wrong.  Each error has a `code`; api/errors.py maps codes to a status."""

from __future__ import annotations


class ProctorError(Exception):
    """The base: `str(error)` is one line that says what, with which value, what was expected.

    `field` is the wire name of the field at fault, if one is.
    """

    code = "error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class UnknownTask(ProctorError):
    code = "unknown_task"


class TaskExists(ProctorError):
    code = "task_exists"


class DependencyCycle(ProctorError):
    """The message spells the cycle out: "a -> b -> a"."""

    code = "dependency_cycle"


class BadSpec(ProctorError):
    """A field's value is not one we take."""

    code = "bad_spec"


class BadSchedule(BadSpec):
    """A cron expression, or its time zone, means nothing or never fires."""

    code = "bad_schedule"


class CannotListen(ProctorError):
    """An address that a task is to be served at is in use, or not ours."""

    code = "cannot_listen"


class NoInput(ProctorError):
    """Nothing takes what is sent: it does not run, or has no such input."""

    code = "no_input"


class UnknownAccount(ProctorError):
    """A user or group that does not exist here."""

    code = "unknown_account"


class NotSupported(ProctorError):
    code = "not_supported"


class ShuttingDown(ProctorError):
    """The service is stopping and starts nothing any more."""

    code = "shutting_down"


class StorageFailed(ProctorError):
    """What was asked could not be saved (a full disk), so it was not done."""

    code = "storage_failed"

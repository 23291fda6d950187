"""/v1 on runs: what a task's replicas have lived through."""

from __future__ import annotations

from proctor.core.errors import BadSpec, ProctorError
from proctor.core.model import Run
from proctor.manager import Manager

from .describe import run_entry
from .oapi import Call, Nothing
from .reply import Reply, json_reply
from .schemas.tasks import RunEntry, RunList, RunsQuery
from .selectors import know


class UnknownRun(ProctorError):
    code = "unknown_run"


class Runs:
    """The handlers; what they show is in the store."""

    def __init__(self, manager: Manager) -> None:
        self._world = manager.world
        self._store = manager.store

    async def show_all(self, call: Call[RunsQuery, Nothing]) -> Reply:
        """Return runs, the newest first; of a task that is gone, too, as long as they are kept."""
        name, query = call.path["name"], call.query
        found = self._store.runs(
            name, index=query.replica, before=query.before, limit=query.limit + 1
        )
        if not found:
            know(self._world, name)
        page = found[: query.limit]
        more = len(found) > len(page)
        return json_reply(RunList([self._entry(r) for r in page], page[-1].run if more else None))

    async def show(self, call: Call[Nothing, Nothing]) -> Reply:
        name, number = call.path["name"], call.path["run"]
        if not (number.isascii() and number.isdecimal()):
            raise BadSpec("`run` is not valid: expected a whole number", field="run")
        # Ids are counted up from 1: none ever has 18 digits.
        run = self._store.run(int(number)) if len(number) < 18 else None
        if run is None or run.id.task != name:
            raise UnknownRun(f"{name[:200]!r} has no run {number[:20]}, or no more", field="run")
        return json_reply(self._entry(run))

    def _entry(self, run: Run) -> RunEntry:
        task = self._world.tasks.get(run.id.task)
        return run_entry(run, None if task is None else task.spec)

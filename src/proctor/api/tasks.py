"""/v1/tasks: list, create, look at, replace, patch, forget."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from proctor.core import changing
from proctor.core.enforcing import CONTROLLERS
from proctor.core.errors import BadSpec
from proctor.core.hosts import is_internal
from proctor.core.model import ReplicaId
from proctor.manager import Manager, Result

from . import describe, differences
from .accept import Acceptance
from .body import explain, names_by_path
from .oapi import Call, Nothing
from .patching import patched
from .reply import Reply, json_reply
from .schemas import EXPECTED, NamedTaskRequest, TaskRequest, to_request
from .schemas.addresses import bad
from .schemas.tasks import (
    ListQuery,
    PutQuery,
    PutResponse,
    ReplaceQuery,
    ReplicaList,
    TaskDetails,
    TaskList,
    TaskSummary,
)
from .schemas.to_request import check_hidden, with_secrets_of
from .schemas.values import Name
from .selectors import has_labels, know, visible


class Tasks:
    """The handlers.  A page of the list is kept until the manager's version changes."""

    def __init__(
        self,
        manager: Manager,
        accept: Acceptance,
        restarts_of: Callable[[ReplicaId], int] = lambda id: 0,
        controllers: Collection[str] = CONTROLLERS,
    ) -> None:
        self._controllers = controllers
        self._restarts_of = restarts_of
        self._manager = manager
        self._world = manager.world
        self._accept = accept
        self._page = lru_cache(maxsize=16)(self._make_page)

    async def show_all(self, call: Call[ListQuery, Nothing]) -> Reply:
        return self._page(self._manager.version, call.query)

    def _make_page(self, version: int, query: ListQuery) -> Reply:
        names = [name for name in self._meant(query) if self._may_fit(name, query)]
        found = [describe.summary(self._world, name, self._restarts_of) for name in names]
        if query.state is not None:
            states = query.state.split(",")
            found = [one for one in found if one.state in states]
        return json_reply(_page(found, query))

    def _details(self, name: str) -> TaskDetails:
        return describe.details(self._world, name, self._manager.now(), self._controllers)

    def _meant(self, query: ListQuery) -> Iterable[str]:
        if query.names is None:
            return visible(self._world)
        # A page that shows thousands of tasks asks for the few that have changed.
        return [n for n in dict.fromkeys(query.names.split(",")) if n in self._world.tasks]

    def _may_fit(self, name: str, query: ListQuery) -> bool:
        spec = self._world.tasks[name].spec
        return (
            not is_internal(name)
            and (query.name is None or fnmatchcase(name, query.name))
            and (query.namespace is None or spec.namespace == query.namespace)
            and (query.type is None or spec.type.value in query.type.split(","))
            and (query.label is None or has_labels(spec.labels, _labels(query.label)))
        )

    async def show(self, call: Call[Nothing, Nothing]) -> Reply:
        name = call.path["name"]
        know(self._world, name)
        return json_reply(self._details(name))

    async def replicas(self, call: Call[Nothing, Nothing]) -> Reply:
        name = call.path["name"]
        know(self._world, name)
        found = describe.replicas(self._world, name, self._manager.now())
        return json_reply(ReplicaList(found))

    async def create(self, call: Call[Nothing, TaskRequest]) -> Reply:
        check_hidden(call.body, {})
        spec = await self._accept.spec(call.body)
        self._manager.submit(spec, actor=call.actor)
        shown = self._details(spec.name)
        return json_reply(PutResponse("created", [], [], [], shown), 201)

    async def replace(self, call: Call[ReplaceQuery, NamedTaskRequest]) -> Reply:
        request = _named(call.body, call.path["name"])
        return await self._put(request, call.query, call.actor, call.query.source)

    async def patch(self, call: Call[PutQuery, dict[str, Any]]) -> Reply:
        name = call.path["name"]
        before = msgspec.to_builtins(to_request(know(self._world, name).spec))
        try:
            request = msgspec.convert(patched(before, call.body), TaskRequest)
        except msgspec.ValidationError as error:
            raise explain(str(error), names_by_path(TaskRequest), EXPECTED) from None
        if request.name != name:
            raise BadSpec("`name` is not valid: expected no change of it", field="name")
        return await self._put(request, call.query, call.actor)

    async def _put(
        self, request: TaskRequest, query: PutQuery, actor: str, source: str | None = None
    ) -> Reply:
        task = self._world.tasks.get(request.name)
        check_hidden(request, {} if task is None else task.spec.env)
        if task is not None:
            request = with_secrets_of(request, task.spec)
        spec = await self._accept.spec(request)
        plan = self._manager.plan(spec)
        result: Result = "created" if plan is None else "updated" if plan.changes else "unchanged"
        replicas = self._world.replicas_of(spec.name)
        again = [] if task is None else changing.replaced(task, spec, replicas)
        over = [] if task is None else changing.ended(task, spec, replicas)
        restarts, stops = [str(r.id) for r in again], [str(r.id) for r in over]
        changes = [] if task is None else differences.changes(task.spec, spec)
        if query.dry_run:
            return json_reply(PutResponse(result, changes, restarts, stops))
        self._manager.put(spec, roll=query.roll, source=source, actor=actor)
        shown = self._details(spec.name)
        status = 201 if plan is None else 200
        return json_reply(PutResponse(result, changes, restarts, stops, shown), status)


def _labels(text: str) -> list[tuple[str, str | None]]:
    """Return the labels of "a=b,c"; None stands for any value."""
    pairs = (label.partition("=") for label in text.split(","))
    return [(name, value if sign else None) for name, sign, value in pairs]


def _named(request: NamedTaskRequest, name: str) -> NamedTaskRequest:
    """Return the request with the name that the path has.  Raises BadSpec."""
    if request.name not in ("", name):
        raise bad("name", f"expected {name[:200]!r}, as the path has it")
    try:
        return replace(request, name=msgspec.convert(name, Name))
    except msgspec.ValidationError:
        raise bad("name", f"expected {EXPECTED['name']}") from None


# Pages.

Key = tuple[Any, str]

SORT_KEYS: dict[str, Callable[[TaskSummary], Any]] = {
    "name": lambda one: "",
    "state": lambda one: one.state,
    "started": lambda one: one.started or 0.0,
    "restarts": lambda one: one.restarts,
}


def _page(found: list[TaskSummary], query: ListQuery) -> TaskList:
    by = SORT_KEYS[query.sort.removeprefix("-")]
    backwards = query.sort.startswith("-")
    keyed = sorted((((by(one), one.name), one) for one in found), key=_first, reverse=backwards)
    if query.cursor is not None:
        last = _key_of(query.cursor, by)
        keyed = [(key, one) for key, one in keyed if (key < last if backwards else key > last)]
    page = keyed[: query.limit]
    more = len(keyed) > len(page)
    return TaskList([one for _, one in page], len(found), _cursor(page[-1][0]) if more else None)


def _first(pair: tuple[Key, TaskSummary]) -> Key:
    return pair[0]


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _key_of(cursor: str, by: Callable[[TaskSummary], Any]) -> Key:
    """Return the key that a cursor was made from.  Raises BadSpec."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        value, name = msgspec.json.decode(text, type=tuple[float | str, str])
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        value, name = None, ""
    if value is None or isinstance(value, str) != (
        by is SORT_KEYS["name"] or by is SORT_KEYS["state"]
    ):
        raise BadSpec("`cursor` is not valid: expected `next` of the page before", field="cursor")
    return value, name
